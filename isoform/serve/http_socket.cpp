#include "isoform/serve/http_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "isoform/serve/http_head.h"

namespace isoform {

namespace {

constexpr std::size_t kBuffer = 16U << 10;

using Clock = HttpSocket::Clock;

int milliseconds_until(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, -1, 3'600'000)) + 1;  // rounded up
}

// True when the events are there, false at the deadline.
bool poll_for(int descriptor, short events, Clock::time_point deadline) {
  for (;;) {
    pollfd one{descriptor, events, 0};
    const int wait = milliseconds_until(deadline);
    if (wait <= 0) return false;
    const int ready = poll(&one, 1, wait);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // the call that follows says what is wrong
  }
}

}  // namespace

HttpSocket::HttpSocket(int descriptor) : descriptor_(descriptor) {
  const int yes = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  if (getpeername(descriptor_, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
      getnameinfo(reinterpret_cast<sockaddr*>(&peer), size, host.data(), host.size(),
                  service.data(), service.size(), NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
    address_ = host.data();
    port_ = std::atoi(service.data());
  }
}

HttpSocket::~HttpSocket() { close(descriptor_); }

HttpSocket::Outcome HttpSocket::wait(double seconds) {
  if (pending()) return Outcome::done;
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(seconds));
  return fill(deadline);
}

HttpSocket::Outcome HttpSocket::fill(Clock::time_point deadline) {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t before = buffer_.size();
  for (;;) {
    buffer_.resize(before + kBuffer);
    const ssize_t got = recv(descriptor_, buffer_.data() + before, kBuffer, MSG_DONTWAIT);
    const int why = errno;
    buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0) return Outcome::done;
    if (got == 0) return Outcome::closed;
    if (why == EINTR) continue;
    if (why != EAGAIN && why != EWOULDBLOCK) return Outcome::closed;
    if (!poll_for(descriptor_, POLLIN, deadline)) return Outcome::late;
  }
}

HttpSocket::Outcome HttpSocket::read_head(std::size_t bytes, Clock::time_point deadline,
                                          std::string& head) {
  for (;;) {
    const std::string_view there = std::string_view(buffer_).substr(at_);
    const std::size_t size = head_size(there);
    if ((size == there.npos ? there.size() : size) > bytes) return Outcome::too_long;
    if (size != there.npos) {
      head.assign(there.substr(0, size));
      at_ += size;
      return Outcome::done;
    }
    if (Clock::now() > deadline) return Outcome::late;
    const Outcome outcome = fill(deadline);
    if (outcome != Outcome::done) return outcome;
  }
}

HttpSocket::Outcome HttpSocket::read(char* to, std::size_t size, Clock::time_point deadline,
                                     std::size_t* got) {
  if (Clock::now() > deadline) return Outcome::late;
  if (!pending()) {
    const Outcome outcome = fill(deadline);
    if (outcome != Outcome::done) return outcome;
  }
  *got = std::min(size, buffer_.size() - at_);
  std::memcpy(to, buffer_.data() + at_, *got);
  at_ += *got;
  return Outcome::done;
}

bool HttpSocket::send(std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (!bytes.empty() && Clock::now() > deadline) return false;
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return false;
    if (!poll_for(descriptor_, POLLOUT, deadline)) return false;
  }
  return true;
}

bool HttpSocket::gone() const {
  pollfd one{descriptor_, POLLRDHUP, 0};
  return poll(&one, 1, 0) > 0;
}

void HttpSocket::finish() {
  shutdown(descriptor_, SHUT_WR);
  const auto deadline = Clock::now() + std::chrono::milliseconds(200);
  std::array<char, 4096> dropped{};
  while (poll_for(descriptor_, POLLIN, deadline)) {
    const ssize_t got = recv(descriptor_, dropped.data(), dropped.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return;
    if (Clock::now() > deadline) return;
  }
}

void HttpSocket::interrupt() { shutdown(descriptor_, SHUT_RD); }
void HttpSocket::cut() { shutdown(descriptor_, SHUT_RDWR); }

}  // namespace isoform
