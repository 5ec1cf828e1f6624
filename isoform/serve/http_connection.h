// A connection as cpp-httplib's parser sees it: with a deadline for each whole request and bounds on what is read.
#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>

#include "isoform/serve/http.h"
#include "isoform/serve/http_head.h"
#include "isoform/serve/http_routes.h"
#include "isoform/serve/http_socket.h"

namespace isoform {

/// So many seconds of the clock of sockets.
HttpSocket::Clock::duration http_span(double seconds);

/// The stream that the parser reads and writes, and what is known of the request under way. One thread has it at a time.
class HttpConnection : public httplib::Stream {
 public:
  /// `under_way` counts bytes of bodies of all connections, which HttpLimits::all_body_bytes bounds.
  HttpConnection(int descriptor, const HttpLimits& limits, std::atomic<std::size_t>& under_way);
  ~HttpConnection() override;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// Reads the head of the next request; what is wrong with it is left in `fault`. False: nobody asks any more.
  bool begin();
  /// What the parser reads instead of a request that it shall not see: it writes the answer.
  void refuse(int status_code, std::string sentence);
  /// Sends what has been gathered.
  bool flush();

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return !broken && !(streaming && wire.gone()); }
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string&, int&) const override {}
  /// The parser refuses descriptors beyond 1023, as it would use select(); poll() takes any.
  [[nodiscard]] socket_t socket() const override { return 0; }

  HttpSocket wire;
  HttpSocket::Clock::time_point begun;
  HttpFault fault;
  bool idle = false;      // under the registry's lock
  bool admitted = false;  // this request; it may be looked at twice
  bool handled = false;   // a handler was called, so the body was read
  bool close = false;     // after this request
  bool broken = false;
  bool streaming = false;
  int status = 0;  // that was answered
  std::string method;
  const HttpRoute* route = nullptr;
  std::map<std::string, std::string> names;

 private:
  void fail(int status_code, std::string sentence);

  const HttpLimits& limits_;
  std::atomic<std::size_t>& under_way_;  // bytes of bodies, of all connections
  std::size_t taken_ = 0;                // of which ours
  HttpSocket::Clock::time_point deadline_, answer_by_;
  std::string head_, gathered_;
  std::size_t head_at_ = 0, body_left_ = 0;
};

}  // namespace isoform
