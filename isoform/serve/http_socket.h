// One connection: bytes in and out under deadlines, however slowly the other side sends or takes them.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace isoform {

/// Owns a connected TCP socket. One thread uses it; interrupt() and cut() may come from others.
class HttpSocket {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Outcome { done, closed, late, too_long };

  explicit HttpSocket(int descriptor);  // sends without delay (no Nagle)
  ~HttpSocket();
  HttpSocket(const HttpSocket&) = delete;
  HttpSocket& operator=(const HttpSocket&) = delete;

  /// Waits until there is something to read.
  Outcome wait(double seconds);
  /// Reads until a head is whole (http_head.h), at most `bytes` of it, until the deadline. The head is taken out of what was read.
  Outcome read_head(std::size_t bytes, Clock::time_point deadline, std::string& head);
  /// Reads some bytes, what was read with the head first. done with *got > 0.
  Outcome read(char* to, std::size_t size, Clock::time_point deadline, std::size_t* got);
  /// Sends all. False where the other side is gone, or too slow.
  bool send(std::string_view bytes, Clock::time_point deadline);
  /// True once the other side has closed or is gone.
  [[nodiscard]] bool gone() const;
  /// Bytes read and not yet taken.
  [[nodiscard]] bool pending() const { return at_ < buffer_.size(); }

  /// Sends no more, and reads what still comes for a moment, so that the last answer is not lost with what nobody read.
  void finish();
  void interrupt();  // reads end; what is sent still goes
  void cut();        // reads and sends end

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] int port() const { return port_; }

 private:
  Outcome fill(Clock::time_point deadline);

  int descriptor_;
  std::string buffer_;  // read ahead
  std::size_t at_ = 0;
  std::string address_;
  int port_ = 0;
};

}  // namespace isoform
