#include "isoform/data/npz.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <array>
#include <limits>
#include <system_error>

#include "isoform/base/error.h"

namespace isoform {

namespace {

constexpr std::string_view kEnding = ".npy";
// What deflate can make of one byte at most, and room for what is very small.
constexpr std::uint64_t kMostGrowth = 1032, kSlack = 1024;

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

std::string message(zip_error_t* error) {
  std::string text = zip_error_strerror(error);
  zip_error_fini(error);
  return text;
}

}  // namespace

std::uint64_t machine_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGE_SIZE);
  if (pages <= 0 || bytes <= 0) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(bytes);
}

void NpzFile::Close::operator()(zip* archive) const { zip_discard(archive); }

// One array, open for reading.
struct NpzFile::Entry {
  Entry(const NpzFile& file, const std::string& name)
      : archive(file.archive_.get()),
        where(fmt::format("{}: array '{}'", file.path_.string(), name)) {
    const auto found = file.entries_.find(name);
    if (found == file.entries_.end()) {
      throw UsageError(fmt::format("{}: has no array '{}'", file.path_.string(), name));
    }
    zip_stat_t about;
    zip_stat_init(&about);
    constexpr auto kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive, found->second, 0, &about) != 0 ||
        (about.valid & kNeeded) != kNeeded) {
      refuse("damaged: its entry in the archive is not complete");
    }
    if ((about.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && about.encryption_method != ZIP_EM_NONE) {
      refuse("is encrypted; save it without a password");
    }
    if (about.comp_method != ZIP_CM_STORE && about.comp_method != ZIP_CM_DEFLATE) {
      refuse(
          fmt::format("is compressed by method {} of zip; save it with numpy.savez or "
                      "numpy.savez_compressed",
                      about.comp_method));
    }
    const std::uint64_t most =
        about.comp_method == ZIP_CM_STORE ? about.comp_size
        : about.comp_size > (std::numeric_limits<std::uint64_t>::max() - kSlack) / kMostGrowth
            ? std::numeric_limits<std::uint64_t>::max()
            : about.comp_size * kMostGrowth + kSlack;
    if (about.size > most) {
      refuse(
          fmt::format("announces {} bytes, but {} cannot hold more than {}; the archive is "
                      "damaged or made to fill the memory",
                      about.size, about.comp_size, most));
    }
    if (about.size > file.most_bytes_) {
      refuse(fmt::format("needs {} bytes of memory, more than there may be, {}", about.size,
                         file.most_bytes_));
    }
    size = about.size;
    content.reset(zip_fopen_index(archive, found->second, 0));
    if (!content) refuse_damaged(zip_strerror(archive));
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(fmt::format("{}: {}", where, what));
  }
  [[noreturn]] void refuse_damaged(const char* why) const {
    refuse(fmt::format("damaged: {}; save or fetch it again", why));
  }

  std::size_t read(std::span<std::uint8_t> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
      const zip_int64_t got = zip_fread(content.get(), out.data() + done, out.size() - done);
      if (got < 0) refuse_damaged(zip_file_strerror(content.get()));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }
  [[nodiscard]] ByteReader reader() const {
    return [this](std::span<std::uint8_t> out) { return read(out); };
  }

  zip* archive;
  std::string where;
  std::uint64_t size = 0;
  std::unique_ptr<zip_file_t, CloseFile> content;
};

NpzFile::NpzFile(const std::filesystem::path& path, std::uint64_t most_bytes)
    : path_(path), most_bytes_(most_bytes) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw FileError(fmt::format("{}: needs an .npz file, got a folder", path.string()));
  }
  int code = 0;
  archive_.reset(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (!archive_) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = code == ZIP_ER_EXISTS ? "two arrays of one name" : message(&error);
    constexpr std::array kOfTheSystem = {ZIP_ER_NOENT, ZIP_ER_OPEN, ZIP_ER_READ,
                                         ZIP_ER_SEEK,  ZIP_ER_TELL, ZIP_ER_MEMORY};
    if (std::find(kOfTheSystem.begin(), kOfTheSystem.end(), code) == kOfTheSystem.end()) {
      throw FormatError(
          fmt::format("{}: not an .npz file, or cut short ({}); save it with numpy.savez, or fetch "
                      "it again",
                      path.string(), why));
    }
    throw FileError(
        fmt::format("{}: cannot be read: {}; check its path and permissions", path.string(), why));
  }
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* const raw = zip_get_name(archive_.get(), index, ZIP_FL_ENC_RAW);
    const std::string name = raw == nullptr ? "" : raw;
    if (!name.ends_with(kEnding)) continue;
    // Names are different: ZIP_CHECKCONS looks.
    entries_[name.substr(0, name.size() - kEnding.size())] = index;
  }
}

std::vector<std::string> NpzFile::names() const {
  std::vector<std::string> out;
  out.reserve(entries_.size());
  for (const auto& [name, index] : entries_) out.push_back(name);
  return out;
}

NpyArray NpzFile::read(const std::string& name) const {
  const Entry entry(*this, name);
  NpyArray out = read_npy(entry.reader(), entry.where, entry.size);
  // The archive's sum is compared where the content ends.
  std::uint8_t extra = 0;
  if (entry.read({&extra, 1}) != 0) entry.refuse_damaged("longer than it says");
  return out;
}

NpyHeader NpzFile::header(const std::string& name) const {
  const Entry entry(*this, name);
  return read_npy_header(entry.reader(), entry.where);
}

}  // namespace isoform
