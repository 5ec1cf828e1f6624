# Moves what Debian wants elsewhere than an installation has it. CPack runs this when everything lies in its folder.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX})
if(EXISTS ${root}/share/zsh/site-functions/_isoform)
  file(MAKE_DIRECTORY ${root}/share/zsh/vendor-completions)
  file(RENAME ${root}/share/zsh/site-functions/_isoform ${root}/share/zsh/vendor-completions/_isoform)
  file(REMOVE_RECURSE ${root}/share/zsh/site-functions)
endif()
if(EXISTS ${root}/share/man/man1/isoform.1)
  # Without name and time, so that the same pages are the same bytes.
  execute_process(COMMAND gzip -9 -n ${root}/share/man/man1/isoform.1 COMMAND_ERROR_IS_FATAL ANY)
endif()
file(RENAME ${root}/share/doc/isoform/LICENSE ${root}/share/doc/isoform/copyright)
