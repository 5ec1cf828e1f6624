#include "isoform/cli/listen.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cctype>
#include <cstdlib>
#include <fstream>

#include "isoform/base/error.h"
#include "isoform/cli/console.h"

namespace isoform::cli {

namespace {

// The first line of a file.
std::string token_in(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!file || !std::getline(file, token)) {
    throw FileError(fmt::format(
        "token: '{}' can't be read, or is empty; write a token into it: openssl rand -hex 32 > {}",
        path, path));
  }
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) {
    token.pop_back();
  }
  if (token.empty()) {
    throw FileError(
        fmt::format("token: the first line of '{}' is empty; it holds the token", path));
  }
  struct stat facts {};
  if (stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && (facts.st_mode & 077U) != 0) {
    complain(fmt::format("note: {} can be read by other users of this machine; chmod 600 {}", path,
                         path));
  }
  return token;
}

std::string token_of(const std::string& file, const char* variable) {
  if (!file.empty()) return token_in(file);
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

}  // namespace

void ListenOptions::add_to(CLI::App* verb, const std::string& prefix, const std::string& group) {
  const auto name = [&](const char* rest) { return "--" + prefix + rest; };
  verb->add_option(name("port"), port, "port; 0: one that is free")
      ->check(CLI::Range(0, 65535))
      ->type_name("PORT")
      ->capture_default_str()
      ->group(group);
  verb->add_option(name("listen"), address,
                   "address; beyond this machine a token is needed, and a proxy for TLS")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->group(group);
  verb->add_option(name("host"), hosts, "a name by which a proxy asks; may be repeated")
      ->allow_extra_args(false)
      ->type_name("HOST")
      ->group(group);
  verb->add_option(name("token-file"), token_file,
                   "file with the token that clients must show; else the variable ISOFORM_TOKEN")
      ->type_name("FILE")
      ->group(group);
  verb->add_option(
          name("control-token-file"), control_token_file,
          "another token for whoever changes something; else ISOFORM_CONTROL_TOKEN, or the same")
      ->type_name("FILE")
      ->group(group);
}

Access ListenOptions::access() const {
  return {.address = address,
          .port = port,
          .token = token_of(token_file, "ISOFORM_TOKEN"),
          .control_token = token_of(control_token_file, "ISOFORM_CONTROL_TOKEN"),
          .hosts = hosts};
}

std::string ListenOptions::told(const HttpServer& server) { return server.url() + "/"; }

}  // namespace isoform::cli
