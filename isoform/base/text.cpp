#include "isoform/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

#include "isoform/base/error.h"

namespace isoform {

namespace {

constexpr std::size_t kMostSlips = 3;

char plain(char c) {
  return c == '_' || c == ' ' ? '-'
                              : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Levenshtein's distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (plain(a[i]) == plain(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, diagonal + 1, change});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(std::string_view typed, std::span<const std::string> known) {
  std::string nearest;
  std::size_t least = kMostSlips + 1;
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(typed, name);
    if (distance < least && distance < name.size()) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view typed, std::span<const std::string> known) {
  const std::string nearest = nearest_name(typed, known);
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

std::vector<std::string> known_names(const std::function<void(const std::string&)>& parse) {
  std::string refusal;
  try {
    parse("?");
  } catch (const UsageError& error) {
    refusal = error.what();
  }
  constexpr std::string_view kBefore = "known are ";
  const std::size_t found = refusal.find(kBefore);
  if (found == std::string::npos) return {};
  std::vector<std::string> names;
  std::size_t at = found + kBefore.size();
  const std::size_t end = std::min(refusal.find(';', at), refusal.size());
  while (at < end) {
    const std::size_t comma = std::min(refusal.find(", ", at), end);
    names.push_back(refusal.substr(at, comma - at));
    at = comma + 2;
  }
  return names;
}

}  // namespace isoform
