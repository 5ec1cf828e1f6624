// Files of numpy for tests: made by numpy itself, and by hand where they are to be wrong.
#pragma once

#include <cstdlib>
#include <string>

#include "data/idx_files.h"

namespace isoform::testing_data {

inline bool has_numpy() {
  return std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") == 0;
}

/// Runs lines of Python in the folder, with numpy as np.
inline void run_python(const TemporaryFolder& folder, const std::string& lines) {
  {
    std::ofstream script(folder / "make.py");
    script << "import numpy as np\n" << lines << "\n";
  }
  const std::string command =
      "cd '" + folder.path().string() + "' && /usr/bin/python3 make.py && rm make.py";
  ASSERT_EQ(std::system(command.c_str()), 0) << lines;
}

/// The bytes of an array with this header, and these bytes as its data.
inline Bytes npy_bytes_of(const std::string& header, const Bytes& data, std::uint8_t version = 1) {
  Bytes out = {0x93, 'N', 'U', 'M', 'P', 'Y', version, 0};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    out.push_back(static_cast<std::uint8_t>(header.size() >> (8 * i)));
  }
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

inline std::string npy_header_of(const std::string& type, const std::string& shape,
                                 const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

}  // namespace isoform::testing_data
