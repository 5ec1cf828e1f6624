#include "isoform/cli/probe.h"

#include <fmt/format.h>

#include <limits>

#include "isoform/base/random.h"
#include "isoform/data/split.h"
#include "isoform/monitor/format.h"
#include "isoform/network/initialise.h"
#include "isoform/network/pass.h"
#include "isoform/network/structure.h"
#include "isoform/train/evaluate.h"

namespace isoform::cli {

namespace {
constexpr Index kRandomInputs = 256;
}

Probe::Probe(const Model<float>& model, const DataOptions& data)
    : engine_(create_engine<float>({"cpu", data.threads})) {
  if (data.given()) {
    data_ = data.load(model);
    task_ = data.task;
    tasks_ = tasks_for(model, *data_, task_);
    whole_ = data_;
    data_ = as_read(model, *whole_, tasks_.front());
    require_fitting(model, *data_, tasks_.size() == 1, tasks_.front());
  } else {
    random_ = normal_matrix(model.network.widths().front(), kRandomInputs, Random(0, Purpose::test))
                  .cast<float>();
  }
}

Matrix<float> Probe::outputs(const Model<float>& model) const {
  if (!data_) return isoform::outputs<float>(model.network, *engine_, random_);
  Matrix<float> all(0, data_->samples());
  for (const std::size_t task : tasks_for(model, *data_, task_)) {
    const Matrix<float> y = logits(model, as_read(model, *whole_, task), *engine_, task);
    all.conservativeResize(all.rows() + y.rows(), Eigen::NoChange);
    all.bottomRows(y.rows()) = y;
  }
  return all;
}

std::string Probe::name() const {
  return data_ ? fmt::format("{} samples of {}", format_count(data_->samples()), data_->name())
               : fmt::format("{} random inputs", kRandomInputs);
}

double Probe::accuracy(const Matrix<float>& outputs) const {
  if (!judges()) return std::numeric_limits<double>::quiet_NaN();
  Index correct = 0;
  for (Index j = 0; j < outputs.cols(); ++j) {
    Index best = 0;
    outputs.col(j).maxCoeff(&best);
    correct += best == static_cast<Index>(data_->labels()[j]) ? 1 : 0;
  }
  return static_cast<double>(correct) / static_cast<double>(outputs.cols());
}

std::string spent_zeros(const Network<float>& before, const Network<float>& after) {
  Index filled = 0;
  for (const Map<float>& m : before.maps()) {
    if (structure_of(before, m.id) == Structure::dense) continue;
    filled += structure_of(after, m.id) == Structure::dense ? 1 : 0;
  }
  if (filled == 0) return {};
  return fmt::format("{} of the sparsified maps {} dense again; {}", filled,
                     filled == 1 ? "is" : "are",
                     before.has_factors() ? "isoform convert --truncate makes gates triangles again"
                                          : "isoform sparsify brings the zeros back");
}

Matrix<float> training_samples(const Model<float>& model, const DataOptions& data, Index most,
                               std::uint64_t seed) {
  DataOptions training = data;
  training.split = "train";
  const Dataset whole = training.load(model);
  const std::size_t task = tasks_for(model, whole, data.task).front();
  const Dataset all = as_read(model, whole, task);
  require_fitting(model, all, false, task);
  std::vector<std::uint32_t> order =
      epoch_order(static_cast<std::uint32_t>(all.samples()), seed, 0);
  if (most > 0 && most < all.samples()) order.resize(static_cast<std::size_t>(most));
  return stacked_samples<float>(model, task, all, order);
}

}  // namespace isoform::cli
