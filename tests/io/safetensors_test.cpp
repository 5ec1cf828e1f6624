#include "isoform/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "isoform/base/error.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::Folder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::spill;

TensorFile small_file() {
  TensorFile file;
  file.tensors["b"] = {{2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6.5F}};
  file.tensors["a"] = {{2}, std::vector<double>{0.1, -1e300}};
  file.tensors["none"] = {{0, 4}, std::vector<float>{}};
  file.tensors["one"] = {{}, std::vector<float>{7}};
  file.metadata["story"] = "say \"hé\"\n";
  return file;
}

// A file of this header and data, whatever they are.
std::string bytes_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string refusal(const std::string& bytes) {
  return message_of<FormatError>([&] { parse_tensors(bytes, "x.isoform"); });
}

std::string refusal(const std::string& header, const std::string& data) {
  return refusal(bytes_of(header, data));
}

std::string entry(const std::string& name, const std::string& shape, int begin, int end,
                  const std::string& dtype = "F32") {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

TEST(Safetensors, WhatIsWrittenIsRead) {
  const std::string bytes = serialise(small_file());
  const TensorFile read = parse_tensors(bytes, "x");
  EXPECT_EQ(read.tensors, small_file().tensors);
  EXPECT_EQ(read.metadata, small_file().metadata);
  EXPECT_EQ(serialise(read), bytes);
}

TEST(Safetensors, BytesAreThoseOfTheFormat) {
  TensorFile file;
  file.tensors["b"] = {{1}, std::vector<float>{1}};
  file.tensors["a"] = {{1, 1}, std::vector<double>{2}};
  std::string header = R"({"a":{"data_offsets":[0,8],"dtype":"F64","shape":[1,1]},)"
                       R"("b":{"data_offsets":[8,12],"dtype":"F32","shape":[1]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  const std::string data("\0\0\0\0\0\0\0\x40\0\0\x80\x3f", 12);
  EXPECT_EQ(serialise(file), bytes_of(header, data));
  EXPECT_EQ(serialise({}), bytes_of("{}      ", ""));
}

TEST(Safetensors, DataBeginAligned) {
  TensorFile file = small_file();
  for (int n = 0; n < 9; ++n) {
    file.metadata["pad"] = std::string(static_cast<std::size_t>(n), 'x');
    std::uint64_t length = 0;
    std::memcpy(&length, serialise(file).data(), 8);
    EXPECT_EQ(length % 8, 0U);
  }
}

TEST(Safetensors, RangesMayComeInAnyOrder) {
  const std::string data("\0\0\x80\x3f\0\0\0\x40", 8);
  const std::string header = "{" + entry("a", "[1]", 4, 8) + "," + entry("b", "[1]", 0, 4) + "}";
  const TensorFile file = parse_tensors(bytes_of(header, data), "x");
  EXPECT_EQ(std::get<0>(file.tensors.at("a").data), std::vector<float>{2});
  EXPECT_EQ(std::get<0>(file.tensors.at("b").data), std::vector<float>{1});
}

TEST(Safetensors, OtherFilesAreRefused) {
  for (const std::string& bytes : {std::string(), std::string("PK\3\4"), std::string(7, '\0'),
                                   std::string("\x89PNG\r\n\x1a\n and so on"), bytes_of("[]", ""),
                                   bytes_of(" {}", ""), bytes_of("", "")}) {
    EXPECT_THAT(refusal(bytes), AllOf(HasSubstr("'x.isoform': not a safetensors file")));
  }
  std::string huge = bytes_of("{}", "");
  huge[7] = 1;
  EXPECT_THAT(refusal(huge), HasSubstr("2 to 100000000"));
}

TEST(Safetensors, CutAndLengthenedFilesAreRefused) {
  const std::string bytes = serialise(small_file());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THAT(refusal(bytes.substr(0, n)), HasSubstr("x.isoform")) << n;
  }
  EXPECT_THAT(refusal(bytes.substr(0, 30)), HasSubstr("cut short"));
  EXPECT_THAT(refusal(bytes.substr(0, bytes.size() - 1)), HasSubstr("cut short"));
  EXPECT_THAT(refusal(bytes + "xyz"), HasSubstr("3 bytes follow the last tensor"));
}

TEST(Safetensors, DamagedHeadersAreRefused) {
  const std::string eight(8, '\0');
  EXPECT_THAT(refusal("{\"a\":", ""), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{} x", ""), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{\"a\xff\":1}", ""), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{\"a\":1e999}", ""), HasSubstr("out of range"));
  EXPECT_THAT(refusal("{\"a\":" + std::string(50'000, '[') + std::string(50'000, ']') + "}", ""),
              HasSubstr("nested"));
  EXPECT_THAT(refusal("{" + entry("a", "[1]", 0, 4) + "," + entry("a", "[1]", 4, 8) + "}", eight),
              HasSubstr("'a' occurs twice"));
  EXPECT_THAT(refusal("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", ""),
              HasSubstr("'dtype' occurs twice"));
  EXPECT_THAT(refusal("{\"a\":[]}", ""), AllOf(HasSubstr("tensor 'a'"), HasSubstr("an object")));
  EXPECT_THAT(refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", ""),
              HasSubstr("'data_offsets' is missing"));
  EXPECT_THAT(refusal("{\"__metadata__\":[]}", ""), HasSubstr("an object of texts"));
  EXPECT_THAT(refusal("{\"__metadata__\":{\"k\":1}}", ""),
              HasSubstr("__metadata__.k: needs a text"));
}

TEST(Safetensors, DamagedEntriesAreRefused) {
  const std::string four(4, '\0'), eight(8, '\0');
  const auto one = [](const std::string& text) { return "{" + text + "}"; };
  EXPECT_THAT(refusal(one(entry("a", "[2]", 0, 4, "BF16")), four),
              AllOf(HasSubstr("tensor 'a'"), HasSubstr("F32 or F64"), HasSubstr("'BF16'")));
  EXPECT_THAT(refusal(one(entry("a", "[2]", 0, 4)), four), HasSubstr("[2] of F32 needs 8 bytes"));
  EXPECT_THAT(refusal(one(entry("a", "[1]", 4, 0)), four), HasSubstr("range 4 to 0"));
  EXPECT_THAT(refusal(one(entry("a", "[-1]", 0, 4)), four), HasSubstr("shape[0]"));
  EXPECT_THAT(refusal(one(entry("a", "[1.0]", 0, 4)), four), HasSubstr("whole number"));
  EXPECT_THAT(refusal(one(entry("a", "[4294967296,4294967296,4]", 0, 0)), ""),
              HasSubstr("more than any file holds"));
  EXPECT_THAT(refusal(one(entry("a", "[18446744073709551615]", 0, 4)), four),
              HasSubstr("shape[0]"));
  EXPECT_THAT(refusal(one(entry("a", "[1]", 0, 4) + "," + entry("b", "[1]", 0, 4)), four),
              HasSubstr("overlap"));
  EXPECT_THAT(refusal(one(entry("a", "[1]", 4, 8)), eight), HasSubstr("a hole"));
  EXPECT_THAT(refusal("{}", four), HasSubstr("4 bytes follow"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", four),
              HasSubstr("dtype, shape and data_offsets only"));
}

TEST(Safetensors, WhatCannotBeWrittenIsRefused) {
  const auto refused = [](const std::string& name, Tensor tensor) {
    TensorFile file;
    file.tensors[name] = std::move(tensor);
    return message_of<UsageError>([&] { serialise(file); });
  };
  EXPECT_THAT(refused("a", {{3}, std::vector<float>{1}}), HasSubstr("'a'"));
  EXPECT_THAT(refused("a", {{-1, -1}, std::vector<float>{1}}), HasSubstr("[-1, -1]"));
  EXPECT_THAT(refused("__metadata__", {{1}, std::vector<float>{1}}), HasSubstr("another name"));
  EXPECT_THAT(refused("a\xff", {{1}, std::vector<float>{1}}), HasSubstr("UTF-8"));
}

TEST(Safetensors, FilesThatCannotBeReadAreNamed) {
  const Folder folder;
  EXPECT_THAT(message_of<FileError>([&] { read_tensors(folder / "gone"); }),
              AllOf(HasSubstr("gone'"), HasSubstr("No such file")));
  EXPECT_THAT(message_of<FileError>([&] { read_tensors(folder.path()); }), HasSubstr("a folder"));
  spill(folder / "empty", "");
  EXPECT_THAT(message_of<FormatError>([&] { read_tensors(folder / "empty"); }),
              HasSubstr("empty'"));
  spill(folder / "good", serialise(small_file()));
  EXPECT_EQ(read_tensors(folder / "good").tensors, small_file().tensors);
}

}  // namespace
}  // namespace isoform
