#include "isoform/cli/listen.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "isoform/base/error.h"

namespace isoform::cli {

namespace {

// The first line of the file, or the variable where no file is given.
std::string token_of(const std::string& file, const char* variable) {
  if (file.empty()) {
    const char* value = std::getenv(variable);
    return value == nullptr ? "" : value;
  }
  std::ifstream in(file);
  std::string token;
  if (!in || !std::getline(in, token)) {
    throw FileError(fmt::format("cannot read a token from '{}'; give a file with one line", file));
  }
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  if (token.empty()) {
    throw UsageError(fmt::format("'{}': the first line is empty; it is the token", file));
  }
  return token;
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
  verb->add_option(name("host"), hosts, "a name by which a proxy asks for it")
      ->type_name("NAME")
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
