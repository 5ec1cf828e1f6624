// "--port", "--listen" and the tokens, as every verb that answers over HTTP has them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "isoform/serve/http.h"

namespace isoform::cli {

struct ListenOptions {
  std::string address = "127.0.0.1", token_file, control_token_file;
  std::vector<std::string> hosts;
  int port = 0;
  bool operator==(const ListenOptions&) const = default;

  /// `prefix` goes before the names: "dashboard-" for "--dashboard-port".
  void add_to(CLI::App* verb, const std::string& prefix = "", const std::string& group = "server");
  /// With the tokens of the files, or of the variables ISOFORM_TOKEN and ISOFORM_CONTROL_TOKEN: never of a flag, which everybody
  /// on the machine can read. Throws FileError and UsageError.
  [[nodiscard]] Access access() const;
  /// The address for people.
  [[nodiscard]] static std::string told(const HttpServer& server);
};

}  // namespace isoform::cli
