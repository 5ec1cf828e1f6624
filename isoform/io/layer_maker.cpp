#include "isoform/io/layer_maker.h"

#include <utility>

namespace isoform::detail {

namespace {

// Factors that a transform holds.
bool is_scale(const Vector<double>& c) { return c.allFinite() && (c.array() > 0).all(); }

}  // namespace

void LayerMaker::multiply(const std::string& step, Matrix<double> weight, Vector<double> bias) {
  if (pending_) close({});
  pending_ = ImportedLayer{step, std::move(weight), std::move(bias)};
}

void LayerMaker::add(const std::string& step, const Vector<double>& c) { subtract(step, -c); }

void LayerMaker::subtract(const std::string& step, const Vector<double>& c) {
  if (at_input() && !read_.scale) {
    if (!read_.mean) read_.mean = Vector<double>::Zero(c.size());
    *read_.mean += c;
  } else {
    pending(step, c.size()).bias -= c;
  }
}

void LayerMaker::scale(const std::string& step, const Vector<double>& c) {
  if (at_input() && is_scale(c)) {
    if (!read_.scale) read_.scale = Vector<double>::Ones(c.size());
    read_.scale->array() *= c.array();
    return;
  }
  ImportedLayer& layer = pending(step, c.size());
  layer.weight = c.asDiagonal() * layer.weight;
  layer.bias.array() *= c.array();
}

void LayerMaker::divide(const std::string& step, const Vector<double>& c) {
  scale(step, c.cwiseInverse());
}

void LayerMaker::activate(const std::string& step, Index width, Radial sigma) {
  pending(step, width);
  close(sigma);
}

ImportedLayers LayerMaker::take() {
  if (pending_) close({});
  return std::move(read_);
}

ImportedLayer& LayerMaker::pending(const std::string& step, Index width) {
  if (!pending_) pending_ = identity_layer(read_, file_, step, width);
  return *pending_;
}

void LayerMaker::close(std::optional<Radial> activation) {
  pending_->activation = activation;
  read_.layers.push_back(std::move(*pending_));
  pending_.reset();
}

}  // namespace isoform::detail
