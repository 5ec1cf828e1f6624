// Layers put together from steps, as graphs have them: a product here, a sum there.
#pragma once

#include <optional>
#include <string>

#include "isoform/io/import_layers.h"

namespace isoform::detail {

/// Every step names itself, for messages. Sums and factors before the first product are the input's transform, as far as
/// that holds them; all others belong to a layer, which is the identity where none has begun.
class LayerMaker {
 public:
  explicit LayerMaker(std::string file) : file_(std::move(file)) {}

  /// x ← W x + b.
  void multiply(const std::string& step, Matrix<double> weight, Vector<double> bias);
  /// x ← x + c, x ← x − c.
  void add(const std::string& step, const Vector<double>& c);
  void subtract(const std::string& step, const Vector<double>& c);
  /// x ← c x, x ← x / c, each coordinate.
  void scale(const std::string& step, const Vector<double>& c);
  void divide(const std::string& step, const Vector<double>& c);
  /// x ← σ(x), of so many values.
  void activate(const std::string& step, Index width, Radial sigma);
  /// True where nothing but the transform has come.
  [[nodiscard]] bool at_input() const { return read_.layers.empty() && !pending_; }
  /// What there is, with the last layer.
  ImportedLayers take();

  ImportedLayers& read() { return read_; }

 private:
  ImportedLayer& pending(const std::string& step, Index width);
  void close(std::optional<Radial> activation);

  std::string file_;
  ImportedLayers read_;
  std::optional<ImportedLayer> pending_;
};

}  // namespace isoform::detail
