#include "isoform/model/model.h"

#include <fmt/format.h>

#include "isoform/base/error.h"

namespace isoform {

std::string_view loss_name(Loss loss) {
  return loss == Loss::cross_entropy ? "cross_entropy" : "squared";
}

Loss loss_from_name(std::string_view name) {
  if (name == "cross_entropy") return Loss::cross_entropy;
  if (name == "squared") return Loss::squared;
  throw UsageError(fmt::format("loss: '{}' is unknown; known are cross_entropy, squared", name));
}

template <class T>
void Model<T>::set_transform(const Vector<double>& new_mean, const Vector<double>& deviation) {
  ISOFORM_ASSERT(new_mean.size() == deviation.size(), "one mean and deviation for each input");
  mean = new_mean.cast<T>();
  scale = deviation.unaryExpr([](double d) { return d < 1e-8 ? 1.0 : 1.0 / d; }).template cast<T>();
}

template <class T>
void Model<T>::standardise(View<T> x) const {
  for (Index j = 0; j < x.cols(); ++j) {
    x.col(j) = (x.col(j) - mean).cwiseProduct(scale);
  }
}

template <class T>
void Model<T>::record(const EditRecord& entry) {
  history.push_back(entry);
  if (history.size() > kMaxHistory) history.erase(history.begin());
}

template struct Model<float>;
template struct Model<double>;

}  // namespace isoform
