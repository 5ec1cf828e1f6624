// A client made of plain sockets, which sends what a test wants, right or wrong.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace isoform::test {

struct Answer {
  int status = 0;                              // 0: none came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class Client {
 public:
  explicit Client(int port) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connected_ = connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Client() { close(descriptor_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// False where the server no longer takes it.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_sending() const { shutdown(descriptor_, SHUT_WR); }

  /// Reads until `done` holds of what was read, the end, or so many seconds. True: it holds.
  template <class Done>
  bool read_until(Done done, double seconds = 10) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!done(buffer_)) {
      const double left =
          std::chrono::duration<double>(deadline - std::chrono::steady_clock::now()).count();
      pollfd one{descriptor_, POLLIN, 0};
      if (left <= 0 || poll(&one, 1, static_cast<int>(left * 1000) + 1) <= 0) return false;
      char piece[65536];
      const ssize_t got = recv(descriptor_, piece, sizeof piece, 0);
      if (got <= 0) {
        ended_ = true;
        return done(buffer_);
      }
      buffer_.append(piece, static_cast<std::size_t>(got));
    }
    return true;
  }
  /// The next answer; `head`: it has no body, whatever it says.
  Answer read(double seconds = 10, bool head = false) {
    Answer answer;
    const auto whole = [](const std::string& b) { return b.find("\r\n\r\n") != b.npos; };
    if (!read_until(whole, seconds)) return answer;
    const std::size_t end = buffer_.find("\r\n\r\n");
    const std::string text = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    answer.status = std::atoi(text.substr(9, 3).c_str());
    for (std::size_t at = text.find("\r\n") + 2; at < text.size();) {
      const std::size_t stop = text.find("\r\n", at), colon = text.find(':', at);
      std::string name = text.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      answer.headers[name] =
          text.substr(std::min(colon + 2, stop), stop - std::min(colon + 2, stop));
      at = stop + 2;
    }
    if (answer.status == 100) return read(seconds, head);
    if (head) return answer;
    if (answer.headers["transfer-encoding"] == "chunked") {
      read_until([](const std::string& b) { return b.find("0\r\n\r\n") != b.npos; }, seconds);
      answer.body = buffer_;
      return answer;
    }
    const auto size =
        static_cast<std::size_t>(std::atoll(answer.headers["content-length"].c_str()));
    read_until([&](const std::string& b) { return b.size() >= size; }, seconds);
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return answer;
  }
  /// True once the server has closed.
  bool closed(double seconds = 10) {
    read_until([](const std::string&) { return false; }, seconds);
    return ended_;
  }
  [[nodiscard]] const std::string& rest() const { return buffer_; }

 private:
  int descriptor_;
  bool connected_ = false, ended_ = false;
  std::string buffer_;
};

inline std::string request_text(int port, const std::string& method, const std::string& path,
                                const std::string& body = {},
                                const std::map<std::string, std::string>& headers = {}) {
  std::string text = method + " " + path + " HTTP/1.1\r\n";
  std::map<std::string, std::string> all = {{"Host", "127.0.0.1:" + std::to_string(port)}};
  if (method != "GET" && method != "HEAD") {
    all["Content-Type"] = "application/json";
    all["Content-Length"] = std::to_string(body.size());
  }
  for (const auto& [name, value] : headers) all[name] = value;
  for (const auto& [name, value] : all) {
    if (!value.empty()) text += name + ": " + value + "\r\n";
  }
  return text + "\r\n" + body;
}

/// One request on a connection of its own. A header with an empty value is left out.
inline Answer ask(int port, const std::string& method, const std::string& path,
                  const std::string& body = {},
                  const std::map<std::string, std::string>& headers = {}) {
  Client client(port);
  client.send(request_text(port, method, path, body, headers));
  return client.read(30, method == "HEAD");
}

}  // namespace isoform::test
