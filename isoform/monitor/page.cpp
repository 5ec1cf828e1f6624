#include "isoform/monitor/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "isoform/monitor/format.h"
#include "isoform/monitor/html.h"
#include "isoform/monitor/page_charts.h"
#include "isoform/monitor/page_words.h"

namespace isoform {

namespace {

constexpr std::size_t kMostRecords = 30;

std::string number(double value) {
  std::string text = fmt::format("{:.3g}", value);
  if (text.front() == '-') text = "−" + text.substr(1);
  return text;
}
std::string number(const std::optional<double>& value) { return value ? number(*value) : "–"; }

// Terms that break between each other only.
std::string lines(const std::string& terms) {
  std::string text;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    text += terms[i] == ' ' && i > 0 && terms[i - 1] != ',' ? std::string("\u00a0")
                                                            : std::string(1, terms[i]);
  }
  return text;
}

void facts(Html& html, const ModelPage& page) {
  const Network<float>& network = page.model.network;
  html.open("dl class=\"facts\"");
  const auto fact = [&](std::string_view what, std::string_view value) {
    html.open("div");
    html.text("dt", what);
    html.text("dd", value);
    html.close();
  };
  std::string widths;
  for (const Index width : network.widths()) {
    widths += (widths.empty() ? "" : " → ") + format_count(width);
  }
  fact("widths", widths);
  fact("parameters", format_count(network.parameter_count()));
  for (const Task& task : page.model.tasks) {
    fact(page.model.tasks.size() == 1 ? "task" : "one of its tasks",
         fmt::format("{}: {} classes, {}", task.name, task.outputs.size(), loss_name(task.loss)));
  }
  if (page.accuracy) {
    fact("right answers", fmt::format("{:.2f} % of {}", 100 * *page.accuracy, page.measured_on));
  }
  const std::vector<int> hidden = network.hidden();
  if (!hidden.empty()) {
    const Space<float>& s = network.space(hidden.front());
    fact("gate", fmt::format("{}; o {}", radial_name(s.radial), length_mode_name(s.length_mode)));
    fact("read in the basis", basis_name(page.basis));
    fact("samples", page.read_on.empty() ? "none (no data given)" : page.read_on);
  }
  html.close();
}

void shape(Html& html, const ModelPage& page) {
  html.open("section");
  html.text("h2", "Shape");
  html.open("div class=\"card scroll\"");
  html.raw(page::draw_shape(page.model, page.layers, html.next_id()));
  html.close();
  html.text("p class=\"small\"", page::shape_words(!page.read_on.empty()));
  html.close();
}

void bases(Html& html, const ModelPage& page) {
  if (page.checks.empty()) return;
  html.open("section");
  html.text("h2", "The same function in every basis");
  html.text("p", page::basis_words());
  std::vector<std::vector<std::string>> rows;
  for (const BasisCheck& check : page.checks) {
    rows.push_back({check.basis, number(check.mean), number(check.largest),
                    strength_meaning(basis_from_name(check.basis))});
  }
  html.table(fmt::format("Change of the outputs, measured on {}", page.measured_on),
             {"basis", "mean ‖Δy‖/‖y‖", "largest", "strength is"}, rows, "wnnl");
  html.close();
}

std::vector<double> values_of(const LayerReading& layer, const auto& what) {
  std::vector<double> values;
  for (const Connection& c : layer.connections) {
    const std::optional<double> value = what(c);
    values.push_back(value ? *value : NAN);
  }
  return values;
}

void charts(Html& html, const ModelPage& page, const LayerReading& layer) {
  const auto& connections = layer.connections;
  const bool data = !page.read_on.empty();
  const double strongest = connections.front().strength, weakest = connections.back().strength;
  const auto draw = [&](const page::Chart& chart) {
    html.open("div class=\"card\"");
    html.raw(page::draw_chart(chart, html.next_id()));
    html.close();
  };
  html.open("div class=\"charts\"");
  page::Chart strength{"Strength", page::strength_unit(page.basis), "", {}, true, "", 0, ""};
  strength.alt = fmt::format("{} connections in order; strength falls from {} to {}.",
                             connections.size(), number(strongest), number(weakest));
  strength.series = {
      {"", "one", values_of(layer, [](const Connection& c) { return std::optional(c.strength); })}};
  const bool shares = page.basis == Basis::effect && layer.effect;
  if (shares || page.basis == Basis::singular) {
    const Scaffold scaffold = shares ? *layer.effect : layer.paper;
    strength.at = scaffold.threshold;
    strength.mark = fmt::format("scaffold: at most {:g}{}", scaffold.threshold,
                                shares ? "" : " (the published rule)");
  }
  strength.note = "Every connection has strength 0.";
  draw(strength);

  page::Chart removal{"Removing one alone", "moves the output at most by", "", {}, true, "", 0, ""};
  const Bound& some = connections.front().bound;
  removal.alt = "Bounds on the change of the output when one connection is removed.";
  if (data) {
    removal.series.push_back(
        {"on samples", "one", values_of(layer, [](const Connection& c) { return c.on_samples; })});
  }
  if (some.holds()) {
    removal.series.push_back({"any input", "two", values_of(layer, [](const Connection& c) {
                                return std::optional(c.bound.value);
                              })});
  }
  if (page.output_rms > 0) {
    removal.at = page.output_rms;
    removal.mark = "output (rms)";
  }
  removal.note = removal.series.empty() ? "No bound without data: " + some.why_not + "."
                                        : "Removing any of them changes nothing.";
  draw(removal);

  page::Chart lengths{"Lengths", "of what comes in and goes out", "", {}, true, "", 0, ""};
  lengths.alt = "Length of the incoming row and of the outgoing column of each connection.";
  lengths.series = {
      {"in: ‖q [W ψ χ]‖", "two",
       values_of(layer, [](const Connection& c) { return std::optional(c.incoming); })},
      {"out: ‖W next q‖", "one",
       values_of(layer, [](const Connection& c) { return std::optional(c.outgoing); })}};
  lengths.note = "All lengths are 0.";
  draw(lengths);

  page::Chart share{"Share of effect", "on the next layer, added up", "", {}, false, "", 0, ""};
  share.note = "Shares of effect need data (--data).";
  double sum = 0;
  if (data) {
    std::vector<double> sums;
    for (const Connection& c : connections) sums.push_back(sum += c.share.value_or(0));
    share.series = {{"", "one", sums}};
  }
  share.alt =
      data ? fmt::format("Shares of effect, added up from the strongest connection; {} in all.",
                         number(sum))
           : share.note;
  draw(share);
  html.close();
}

void images(Html& html, const ModelPage& page, const LayerReading& layer, const Matrix<double>& all,
            std::string_view heading, std::string_view words) {
  const Index rows = page.model.image_rows, cols = page.model.image_cols;
  if (all.cols() == 0 || rows <= 0 || cols <= 0 || rows * cols != all.rows()) return;
  html.text("h4", heading);
  html.text("p class=\"small\"", words);
  html.open("div class=\"images\"");
  for (Index i = 0; i < all.cols(); ++i) {
    const Connection& c = layer.connections[i];
    html.open("figure");
    html.raw(page::draw_image(all.col(i), rows, cols,
                              fmt::format("{} of connection {}", heading, i + 1), html.next_id()));
    html.text("figcaption", fmt::format("{} · {}", i + 1, number(c.strength)));
    html.close();
  }
  html.close();
}

void layer_section(Html& html, const ModelPage& page, const LayerReading& layer, bool first) {
  const Space<float>& s = page.model.network.space(layer.space);
  html.open("section");
  html.text("h2", s.name);
  html.text("p", page::layer_words(page.model, page.basis, layer));
  charts(html, page, layer);
  if (first) {
    images(html, page, layer, page.weights, "What it weighs", page::weights_words());
    images(html, page, layer, page.answers, "What it answers to", page::answers_words());
  }
  const bool data = !page.read_on.empty();
  const std::size_t all = layer.connections.size();
  const std::size_t count = page.top <= 0 ? all : std::min(all, static_cast<std::size_t>(page.top));
  std::vector<std::string> header{"no.", "strength", "in", "out"};
  if (data) header.emplace_back("share");
  header.insert(header.end(), {"bias", "stand-in", "bound"});
  if (data) header.emplace_back("on samples");
  header.insert(header.end(), {"group", "hears most", "feeds most"});
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const Connection& c = layer.connections[i];
    std::vector<std::string> row{fmt::format("{}", i + 1), number(c.strength), number(c.incoming),
                                 number(c.outgoing)};
    if (data) row.push_back(number(c.share));
    row.insert(row.end(),
               {number(c.bias), number(c.stand_in), c.bound.holds() ? number(c.bound.value) : "–"});
    if (data) row.push_back(number(c.on_samples));
    row.insert(row.end(), {fmt::format("{}", c.group), lines(terms_text(page.model, c.hears, 2)),
                           lines(terms_text(page.model, c.feeds, 2))});
    rows.push_back(std::move(row));
  }
  html.table(count == all ? fmt::format("All {} connections", all)
                          : fmt::format("The strongest {} of {} connections", count, all),
             header, rows, data ? "nnnnnnnnnnll" : "nnnnnnnnll");
  if (!layer.connections.front().bound.holds()) {
    html.text("p class=\"small\"",
              "No bound for every input: " + layer.connections.front().bound.why_not + ".");
  }
  html.close();
}

void history(Html& html, const ModelPage& page) {
  const std::vector<EditRecord>& records = page.model.history;
  html.open("section");
  html.text("h2", "History");
  if (records.empty()) {
    html.text("p", "The model file records no edit: its shape is the one it was made with.");
    return html.close();
  }
  Index born = 0, removed = 0;
  for (const EditRecord& record : records) {
    born += record.born;
    removed += record.removed;
  }
  html.text("p", fmt::format("{} edits; {} neurons were born and {} removed.",
                             format_count(static_cast<std::int64_t>(records.size())),
                             format_count(born), format_count(removed)));
  std::vector<std::vector<std::string>> rows;
  const std::size_t from = records.size() > kMostRecords ? records.size() - kMostRecords : 0;
  for (std::size_t i = records.size(); i-- > from;) {
    const EditRecord& r = records[i];
    rows.push_back({format_count(r.step), std::string(edit_kind_name(r.kind)),
                    fmt::format("{}", r.space), fmt::format("{} → {}", r.before, r.after),
                    format_edits(r.born, r.removed), number(r.bound), number(r.change), r.why});
  }
  html.table(from == 0 ? "All edits, the latest first"
                       : fmt::format("The last {} edits, the latest first", kMostRecords),
             {"step", "edit", "layer", "width", "neurons", "bound", "change", "why"}, rows,
             "nwnnnnnl");
  html.close();
}

void legend(Html& html) {
  html.open("section");
  html.text("h2", "How to read this page");
  html.open("dl class=\"legend\"");
  for (const auto& [word, meaning] : page::legend()) {
    html.text("dt", word);
    html.text("dd", meaning);
  }
  html.close();
  html.close();
}

}  // namespace

std::string draw_page(const ModelPage& page) {
  Html html(page.name + " – Isoform", page::page_style() + page::chart_style());
  html.open("header");
  html.text("h1", page.name);
  html.text("p class=\"small\"", "A network with isotropic activations, read by isoform inspect.");
  facts(html, page);
  html.close();
  shape(html, page);
  bases(html, page);
  if (page.layers.empty()) {
    html.text("p",
              "There is no hidden layer: the model is linear, and its basis is that of its inputs "
              "and outputs.");
  }
  for (std::size_t i = 0; i < page.layers.size(); ++i) {
    layer_section(html, page, page.layers[i], i == 0);
  }
  history(html, page);
  legend(html);
  return html.finish();
}

}  // namespace isoform
