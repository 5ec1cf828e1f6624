// Labelled samples in memory, stored as they came, and cheap selections of them.
//
// Values stay raw (pixels 0–255); the input transform of a model is applied by the model. Bytes are
// kept as bytes: a set of 60,000 × 784 pixels takes 47 MB and is converted sample by sample.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "isoform/data/float_store.h"
#include "isoform/linalg/matrix.h"

namespace isoform {

/// The two parts in which sets come.
enum class Split { train, test };
/// "train" or "test".
[[nodiscard]] std::string_view to_string(Split split);

/// How the features of one sample are laid out as a picture: row after row, and one channel after the other (planar: all red, all
/// green, all blue).
struct ImageShape {
  Index rows = 0;
  Index columns = 0;
  Index channels = 1;
  bool operator==(const ImageShape&) const = default;
};

/// Samples, one label each, and the names of the classes; or, with targets, numbers to be answered and the names of these
/// outputs. Immutable; copies and subsets share the values, so that a copy costs nothing and a subset costs 8 bytes a
/// sample. Safe to read from many threads.
class Dataset {
 public:
  /// Sample after sample; the features of one sample are contiguous.
  using Values = std::variant<std::vector<std::uint8_t>, std::vector<float>, MappedFloats>;

  /// What a reader fills in. features × labels.size() values; every label < classes.size(). With targets every label is 0.
  struct Contents {
    std::string
        name;  ///< what people call it; never a path of this machine (it reaches model files)
    Index features = 0;
    Values values = {};
    std::vector<std::uint32_t> labels = {};
    std::vector<std::string> classes = {};
    std::optional<ImageShape> image =
        {};  ///< rows × columns × channels = features, where the samples are pictures
    std::vector<std::string> feature_names = {};  ///< of the columns of a table; none: unnamed
    std::vector<float> targets = {};              ///< classes.size() for each sample, or none
    std::vector<float> weights = {};  ///< of each sample, 0 or more and not all 0; none: all 1
  };

  /// No samples, no features, no classes.
  Dataset();
  /// Checks the sizes, labels and image shape, and that floats are finite: UsageError otherwise.
  explicit Dataset(Contents contents);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] Index features() const;
  [[nodiscard]] Index samples() const;
  [[nodiscard]] bool empty() const { return samples() == 0; }
  /// Label of each sample of this selection, in its order.
  [[nodiscard]] const std::vector<std::uint32_t>& labels() const;
  /// Names; their number is the number of classes, also where a selection lacks some of them.
  [[nodiscard]] const std::vector<std::string>& classes() const;
  [[nodiscard]] const std::optional<ImageShape>& image() const;
  [[nodiscard]] const std::vector<std::string>& feature_names() const;

  /// True for sets of numbers to be answered. classes() are names of outputs then.
  [[nodiscard]] bool has_targets() const;
  /// Those of a sample; none without.
  [[nodiscard]] std::span<const float> targets(Index sample) const;
  /// How much a sample counts; 1 unless the set says otherwise.
  [[nodiscard]] float weight(Index sample) const;
  [[nodiscard]] bool has_weights() const;
  /// The same samples with these weights; none: 1 each. UsageError unless there is one for each, as Contents has them.
  [[nodiscard]] Dataset with_weights(const std::vector<float>& weights) const;

  /// Writes raw values: column j of out (features × samples.size()) becomes sample samples[j].
  /// Never allocates. UsageError when out has another shape or a sample does not exist.
  void gather(std::span<const std::uint32_t> samples, View<float> out) const;
  void gather(std::span<const std::uint32_t> samples, View<double> out) const;
  /// The same for features [first, first + out.rows()) alone.
  void gather(std::span<const std::uint32_t> samples, View<float> out, Index first) const;
  void gather(std::span<const std::uint32_t> samples, View<double> out, Index first) const;

  /// The samples at these positions of this selection, in this order; repetition is allowed and an
  /// empty list gives an empty set with the same features and classes. Shares the values.
  /// O(indices). UsageError when a position does not exist.
  [[nodiscard]] Dataset subset(std::span<const std::uint32_t> indices) const;

  /// The same samples with other classes; label l becomes l − first. Shares the values. O(samples). UsageError
  /// where a label lies outside, or with targets.
  [[nodiscard]] Dataset with_classes(std::vector<std::string> classes, std::uint32_t first) const;

  /// All stored values, and where sample i of this selection lies among them (in samples).
  [[nodiscard]] const Values& stored_values() const;
  [[nodiscard]] std::size_t stored_position(Index sample) const;

 private:
  struct Selection {
    std::vector<std::uint32_t> positions;
    std::vector<std::uint32_t> labels;
    std::vector<std::string> classes;
    std::vector<float> weights;
  };

  template <class T>
  void gather_rows(std::span<const std::uint32_t> samples, View<T> out, Index first) const;
  template <class T>
  void require_whole(std::span<const std::uint32_t> samples, View<T> out) const;

  std::shared_ptr<const Contents> contents_;
  std::shared_ptr<const Selection> selection_;  // null: everything, in the stored order
};

/// All but the values, in the order of the selection: for sets that are made from others.
[[nodiscard]] Dataset::Contents contents_without_values(const Dataset& data);

/// A copy with these features alone, in this order; no picture any more. UsageError for a position that does not exist, or
/// none. O(samples · features kept).
[[nodiscard]] Dataset select_features(const Dataset& data, std::span<const Index> positions);

/// Mean and standard deviation (of the population: divided by the number of samples) per feature.
struct FeatureStatistics {
  Vector<double> mean;
  Vector<double> standard_deviation;
};

/// Exact integer sums for bytes (a permutation of the samples changes no bit); two passes in
/// double, in the order of the samples, for floats. One thread; about 1 ns a value. UsageError when
/// empty.
[[nodiscard]] FeatureStatistics feature_statistics(const Dataset& data);

/// How a model's inputs are scaled. Features of one unit keep their proportions `together`; a pixel that is hardly ever
/// inked would else be as loud, when it is, as no other.
enum class Scaling {
  automatic,  // together for pictures, each for others
  each,       // every feature by its own deviation
  together,   // all by the root mean square of their deviations
};
std::string_view scaling_name(Scaling scaling);
/// Throws UsageError naming those there are.
Scaling scaling_from_name(std::string_view name);

/// feature_statistics with the deviations by which inputs are divided.
[[nodiscard]] FeatureStatistics input_statistics(const Dataset& data, Scaling scaling);

}  // namespace isoform
