// Files with random damage.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/io/model_file.h"

namespace isoform::testing {

/// Random damage: a file is read or refused, and what was read can be written and read again.
inline void expect_read_or_refused(const std::string& valid) {
  const std::size_t header = valid.find("}}") + 2;  // most damage where there is most to break
  int read = 0, refused = 0;
  for (std::uint64_t trial = 0; trial < 6000; ++trial) {
    const Random random(trial, Purpose::test, 1);
    std::string bytes = valid;
    const std::uint64_t changes = 1 + random.below(4, 0);
    for (std::uint64_t c = 0; c < changes && !bytes.empty(); ++c) {
      const auto draw = [&](std::uint64_t bound, std::uint64_t index) {
        return random.below(bound, 3 * c + index);
      };
      const std::size_t where = draw(c % 2 == 0 ? std::min(header, bytes.size()) : bytes.size(), 1);
      switch (draw(8, 2)) {
        case 0:
          bytes.resize(where);
          break;
        case 1:
          bytes.erase(where, 1);
          break;
        case 2:
          bytes.insert(where, 1, "0,]}\"9-"[draw(7, 3)]);
          break;
        case 3:
          bytes[where] = "0123456789"[draw(10, 3)];
          break;
        default:
          bytes[where] = static_cast<char>(bytes[where] ^ (1 << draw(8, 3)));
      }
    }
    try {
      const auto model = parse_model<float>(bytes, "x");
      ++read;
      EXPECT_NO_THROW(parse_model<float>(serialise_model(model), "x")) << "trial " << trial;
    } catch (const Error& error) {
      ++refused;
      EXPECT_THAT(error.what(), ::testing::StartsWith("'x'"));
    }
  }
  EXPECT_GT(read, 20);
  EXPECT_GT(refused, 3000);
}

}  // namespace isoform::testing
