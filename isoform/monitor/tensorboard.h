// A run's events as an event file of TensorBoard: scalars and histograms that it shows while the run goes on. Tags are
// in docs/tensorboard.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "isoform/train/event.h"

namespace isoform {

/// Writes `events.out.tfevents.<seconds>.isoform` into a folder, a record for each event that has something to show.
/// The name says nothing of the machine; a second run in the same second gets a number behind it.
///
/// Each event is one write to the operating system, so that a TensorBoard that watches the folder sees it. Numbers that are
/// not finite are left out, but for losses of training, which are written as NaN: there TensorBoard marks where a
/// run broke. Scalars are rounded to float, as the format wants.
///
/// A write that fails (disk full, folder removed) never stops training: the file ends there, failed() turns true and
/// failure() says why.
///
/// Not thread-safe: give observer() to one trainer. Must outlive the observer.
class TensorBoard {
 public:
  /// Makes the folder where it is missing, and the file. `began` is the time of the start in seconds since 1970, to which
  /// the events' own seconds are added; absent: now. Throws FileError naming folder, reason and mend.
  explicit TensorBoard(const std::filesystem::path& folder, std::optional<double> began = {});
  ~TensorBoard();
  TensorBoard(const TensorBoard&) = delete;
  TensorBoard& operator=(const TensorBoard&) = delete;

  /// Writes what `event` has to show. Never throws for a failed write.
  void operator()(const Event& event);
  Observer observer();

  const std::filesystem::path& path() const { return path_; }
  /// True once something could not be written; the rest of the run is then not in the file.
  bool failed() const { return !failure_.empty(); }
  /// One sentence naming path and reason; empty while all is well.
  const std::string& failure() const { return failure_; }

 private:
  void write(std::string_view message);
  void fail(int error);

  std::filesystem::path path_;
  double began_ = 0;
  int file_ = -1;
  std::int64_t bytes_ = 0;  // of whole records
  std::int64_t born_ = 0, removed_ = 0;
  std::string failure_;
};

namespace detail {
/// CRC-32C (Castagnoli), which zlib does not have.
std::uint32_t crc32c(std::string_view bytes);
}  // namespace detail

}  // namespace isoform
