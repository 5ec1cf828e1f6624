#include "isoform/monitor/page_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoform/monitor/format.h"
#include "isoform/monitor/page.h"

namespace isoform {

namespace {

std::string output_name(const Model<float>& model, const Term& term) {
  const std::vector<int> heads = model.network.outputs();
  const auto place =
      static_cast<std::size_t>(std::find(heads.begin(), heads.end(), term.space) - heads.begin());
  const bool named = place < model.tasks.size() &&
                     term.number < static_cast<Index>(model.tasks[place].outputs.size());
  if (!named) return fmt::format("output {}", term.number);
  const Task& task = model.tasks[place];
  const std::string& name = task.outputs[static_cast<std::size_t>(term.number)];
  return model.tasks.size() == 1 ? name : fmt::format("{}: {}", task.name, name);
}

std::string input_name(const Model<float>& model, const Term& term) {
  const Index features = model.network.space(term.space).dimension;
  const std::vector<int> sources = model.network.inputs();
  const auto place = std::find(sources.begin(), sources.end(), term.space) - sources.begin();
  std::string name = fmt::format("input {}", term.number);
  if (model.image_cols > 0 && model.image_rows * model.image_cols == features) {
    name =
        fmt::format("pixel {},{}", term.number / model.image_cols, term.number % model.image_cols);
  }
  if (model.inputs.empty()) return name;
  const Input& input = model.inputs[static_cast<std::size_t>(place)];
  if (!input.features.empty()) name = input.features[static_cast<std::size_t>(term.number)];
  return sources.size() == 1 ? name : fmt::format("{}: {}", input.name, name);
}

}  // namespace

std::string term_name(const Model<float>& model, const Term& term) {
  const auto& network = model.network;
  const Space<float>& s = network.space(term.space);
  if (s.hidden()) return fmt::format("{} no. {}", s.name, term.number + 1);
  if (network.is_given(term.space)) return input_name(model, term);
  if (network.outgoing(term.space).empty()) return output_name(model, term);
  return fmt::format("{} {}", s.name, term.number);
}

std::string terms_text(const Model<float>& model, const std::vector<Term>& terms,
                       std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < std::min(count, terms.size()); ++i) {
    text += fmt::format("{}{} {}{:.2g}", text.empty() ? "" : ", ", term_name(model, terms[i]),
                        terms[i].weight < 0 ? "−" : "+", std::abs(terms[i].weight));
  }
  return text;
}

std::string strength_meaning(Basis basis) {
  switch (basis) {
    case Basis::singular:
      return "the singular value of the incoming [W ψ χ] inside its group";
    case Basis::covariance:
      return "the standard deviation of z along a principal direction, over the samples";
    case Basis::effect:
      return "the share of what the next layer hears that comes from it, gates held fixed";
    case Basis::task:
      return "the length of its outgoing column: what the next layer does with it";
  }
  return "";
}

namespace page {

std::string strength_unit(Basis basis) {
  switch (basis) {
    case Basis::singular:
      return "singular value of [W ψ χ]";
    case Basis::covariance:
      return "standard deviation of z";
    case Basis::effect:
      return "share of effect on the next layer";
    case Basis::task:
      return "length of the outgoing column";
  }
  return "";
}

std::string shape_words(bool data) {
  return fmt::format(
      "Heights go with the square root of the width. Dark: how many directions a layer really uses "
      "(effective rank of its strengths). Hatched: scaffold, neurons that {}.",
      data
          ? "contribute next to nothing (the policies' effect rule)"
          : "have small incoming weights (the published rule; with data the effect rule is shown)");
}

std::string basis_words() {
  return "An isotropic layer has no basis of its own: it can be turned inside its groups without "
         "any "
         "change of the function. Here every layer was turned to each basis, and the outputs were "
         "computed again. What is left is rounding, a few 1e-7 in single precision.";
}

std::string weights_words() {
  return "The incoming weights of the strongest connections, one for each pixel, as the network "
         "reads it: in deviations of that pixel over the training samples, the model's own input "
         "transform. Pixels that hardly ever vary can weigh much and still do nothing. Blue adds, "
         "orange subtracts; the sign of a direction is arbitrary. Each picture has its own scale. "
         "Below: number and strength.";
}

std::string answers_words() {
  return "How each pixel goes along with the connection over the samples (its covariance with u in "
         "deviations of u, brought to deviations of the pixel): what a sample looks like that "
         "drives "
         "it. Colours as above.";
}

std::string layer_words(const Model<float>& model, Basis basis, const LayerReading& layer) {
  const Space<float>& s = model.network.space(layer.space);
  std::string text = fmt::format(
      "{} neurons in {}, gate {}. ", format_count(s.dimension),
      s.gates() == 1 ? "one group"
                     : fmt::format("{} groups ({})", s.gates(), format_groups(s.groups)),
      radial_name(s.radial));
  text +=
      fmt::format("In the basis {}, strength is {}. ", basis_name(basis), strength_meaning(basis));
  text += fmt::format(
      "The strengths spread over {:.1f} directions (effective rank){}. ", layer.strength_rank,
      basis == Basis::singular
          ? std::string()
          : fmt::format(", the incoming weights over {:.1f}", layer.effective_rank));
  if (layer.gate_only > 0) {
    text += fmt::format("{} directions are read by no next map: they act on the gate alone. ",
                        format_count(layer.gate_only));
  }
  if (layer.effect) {
    text += fmt::format("Scaffold by the effect rule: {} (share at most {:g} %); ",
                        layer.effect->count, 100 * layer.effect->threshold);
  } else {
    text += "Scaffold ";
  }
  text += fmt::format("by the published rule: {} (singular value of W at most {:g}). ",
                      layer.paper.count, layer.paper.threshold);
  text += fmt::format("Mean o is {:.2g}, the outgoing ψ has length {:.2g}.", layer.mean_o,
                      layer.psi_norm);
  if (layer.chi_norm > 0) {
    text += fmt::format(" The next layer reads norms, with a χ of length {:.2g}.", layer.chi_norm);
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> legend() {
  return {
      {"group and gate",
       "Neurons of a group share one gate s, a number that depends only on the length "
       "of the group's vector z and on o. A layer passes on s·z."},
      {"connection",
       "One direction q of a group, instead of one neuron: u = q·z. Inside a group any "
       "orthogonal set of directions describes the same function."},
      {"basis",
       "Which set is used. singular: incoming rows orthogonal. covariance: coordinates "
       "uncorrelated over the samples. effect: the natural basis for removal. task: outgoing "
       "columns orthogonal. Connections are numbered from the strongest."},
      {"in, out",
       "Length of the incoming row ‖q [W ψ χ]‖ and of the outgoing column ‖W next q‖. A "
       "connection matters only if both, and the variation of what it hears, are large."},
      {"share",
       "The part of the variation of the next layer's z that the connection contributes if "
       "gates are held fixed. In the basis effect the shares of one group add up; those of "
       "different groups may overlap, so that a sum need not be 1."},
      {"bias, stand-in",
       "The constant part of u, and the constant that would take its place if the "
       "connection were removed."},
      {"bound",
       "By how much the output can move at most, in its own units, if this connection alone is "
       "removed (and nothing refitted). For “any input” it is proved for every input whatever; "
       "“on samples” it holds only for the samples at hand. The true change is usually far "
       "smaller. Output (rms): how long outputs are."},
      {"scaffold",
       "Neurons that the growth policies would call idle: a reserve while a network learns, "
       "and what can go first when it is done."},
      {"effective rank",
       "exp of the entropy of the squared strengths: how many equal directions would be "
       "spread as widely."},
      {"gate alone",
       "Directions whose outgoing column is 0, because the next layer has fewer "
       "dimensions than the group: they still count in the length that the gate sees."},
      {"o, ψ",
       "o adds to the squared length that a gate sees, ψ is read by the next layer through the "
       "gate: together one extra neuron with a constant input. Removed neurons leave their "
       "constant part there."},
      {"hears, feeds",
       "The largest weights of the row and of the column, with both ends in this basis: "
       "“hidden 1 no. 3” is connection 3 of the first hidden layer, “pixel 3,17” the one in row 3 "
       "and column 17, counted from 0."},
  };
}

std::string page_style() {
  return R"(.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 10px 24px;
  margin: 16px 0; }
.facts dt, .legend dt { font-size: 13px; color: var(--soft); }
.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.legend dt { font-size: 15px; font-weight: 600; color: var(--ink); }
.legend dd { margin: 0 0 12px; max-width: 76ch; }
.images { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 10px; }
.images svg { width: 100%; height: auto; display: block; border: 1px solid var(--line);
  border-radius: 4px; }
figure { margin: 0; }
figcaption { font-size: 12.5px; color: var(--soft); text-align: center; padding-top: 2px; }
)";
}

}  // namespace page
}  // namespace isoform
