#include "isoform/serve/http_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace isoform {

namespace {

constexpr std::size_t kGathered = 16384;  // head and body of a small answer go in one packet

using Clock = HttpSocket::Clock;

}  // namespace

Clock::duration http_span(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

HttpConnection::HttpConnection(int descriptor, const HttpLimits& limits,
                               std::atomic<std::size_t>& under_way)
    : wire(descriptor), limits_(limits), under_way_(under_way) {}

HttpConnection::~HttpConnection() { under_way_ -= taken_; }

bool HttpConnection::begin() {
  begun = Clock::now();
  deadline_ = begun + http_span(limits_.request_seconds);
  fault = {};
  admitted = handled = streaming = false;
  status = 0;
  route = nullptr;
  body_left_ = limits_.body_bytes;
  under_way_ -= std::exchange(taken_, 0);
  answer_by_ = {};
  switch (wire.read_head(limits_.header_bytes, deadline_, head_)) {
    case HttpSocket::Outcome::closed:
      return false;
    case HttpSocket::Outcome::late:
      fault = {408, fmt::format("the request took more than {} s", limits_.request_seconds)};
      break;
    case HttpSocket::Outcome::too_long:
      fault = {431, fmt::format("the head of a request may have at most {} bytes",
                                limits_.header_bytes)};
      break;
    case HttpSocket::Outcome::done:
      fault = head_fault(head_);
      hide_headers(head_);
  }
  if (fault.status != 0) refuse(fault.status, fault.sentence);
  return true;
}

void HttpConnection::refuse(int status_code, std::string sentence) {
  begun = Clock::now();
  fault = {status_code, std::move(sentence)};
  head_ = "GET / HTTP/1.1\r\nHost: none\r\n\r\n";
  close = true;
}

bool HttpConnection::flush() {
  if (gathered_.empty()) return true;
  if (answer_by_ == Clock::time_point{})
    answer_by_ = Clock::now() + http_span(limits_.request_seconds);
  const bool sent =
      wire.send(gathered_, streaming ? Clock::now() + http_span(limits_.idle_seconds) : answer_by_);
  gathered_.clear();
  if (!sent) broken = true;
  return sent;
}

ssize_t HttpConnection::read(char* to, size_t size) {
  if (!head_.empty()) {
    const std::size_t count = std::min(size, head_.size() - head_at_);
    std::memcpy(to, head_.data() + head_at_, count);
    head_at_ += count;
    if (head_at_ == head_.size()) {
      head_.clear();
      head_at_ = 0;
    }
    return static_cast<ssize_t>(count);
  }
  if (!flush()) return -1;  // "100 Continue"
  if (body_left_ == 0) {
    fail(413, fmt::format("a body may have at most {} bytes", limits_.body_bytes));
    return -1;
  }
  std::size_t got = 0;
  switch (wire.read(to, std::min(size, body_left_), deadline_, &got)) {
    case HttpSocket::Outcome::done:
      body_left_ -= got;
      taken_ += got;
      if ((under_way_ += got) > limits_.all_body_bytes) {
        fail(503, "too many large requests are under way; come back in a moment");
        return -1;
      }
      return static_cast<ssize_t>(got);
    case HttpSocket::Outcome::late:
      fail(408, fmt::format("the request took more than {} s", limits_.request_seconds));
      return -1;
    default:
      close = true;
      return 0;
  }
}

ssize_t HttpConnection::write(const char* from, size_t size) {
  if (broken) return -1;
  gathered_.append(from, size);
  const bool wait = !streaming && gathered_.size() < kGathered;
  return wait || flush() ? static_cast<ssize_t>(size) : -1;
}

void HttpConnection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip = wire.address();
  port = wire.port();
}

void HttpConnection::fail(int status_code, std::string sentence) {
  fault = {status_code, std::move(sentence)};
  close = true;
}

}  // namespace isoform
