#include "isoform/serve/question.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>

#include "isoform/io/json.h"
#include "isoform/run/table_scores.h"
#include "isoform/serve/rows.h"

namespace isoform {

namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "floats travel as they lie");

template <class Number>
void append_number(std::string& text, Number value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(text), "{}", value);
  } else {
    text += "null";
  }
}

// A list of lists, a column each.
template <class M>
void append_columns(std::string& text, const char* name, const M& m) {
  text += fmt::format(",\"{}\":[", name);
  for (Index j = 0; j < m.cols(); ++j) {
    text += j == 0 ? "[" : ",[";
    for (Index i = 0; i < m.rows(); ++i) {
      if (i > 0) text += ',';
      append_number(text, m(i, j));
    }
    text += ']';
  }
  text += ']';
}

std::string quoted(const std::string& text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

json json_body(const HttpRequest& request, const std::vector<std::string>& known) {
  if (request.content_type != "application/json") {
    throw HttpError(415, "Content-Type: this needs application/json");
  }
  if (request.body.size() > kMaxJsonBody) {
    throw HttpError(413, fmt::format("JSON may have at most {} bytes; send more samples as "
                                     "float32 with Content-Type: application/octet-stream",
                                     kMaxJsonBody));
  }
  json body;
  try {
    body = parse_json(request.body, "body");
  } catch (const FormatError& error) {
    // Of requests, not of files.
    std::string sentence = error.what();
    const std::size_t tail = sentence.find("; the file is damaged");
    if (tail != sentence.npos) sentence.erase(tail);
    throw HttpError(400, sentence);
  }
  if (!body.is_object()) throw HttpError(400, "body: needs a JSON object");
  for (const auto& [key, value] : body.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw HttpError(400, fmt::format("body: {} is unknown; known are {}", in_quotes(key),
                                       fmt::join(known, ", ")));
    }
  }
  return body;
}

Matrix<float> samples_of(const Version& version, std::size_t task, const json& body,
                         std::set<std::string>& notes) {
  const bool rows = body.contains("rows");
  if (rows == body.contains("inputs")) {
    throw HttpError(422,
                    "body: needs one of inputs, a list of numbers for each sample, and rows, an "
                    "object for each");
  }
  if (rows) return encode_rows(version, body["rows"], notes);
  const json& inputs = body["inputs"];
  const Index features = version.tasks[task].features;
  if (!inputs.is_array()) {
    throw HttpError(
        422, fmt::format("inputs: needs a list of samples, each a list of {} numbers", features));
  }
  Matrix<float> x(features, static_cast<Index>(inputs.size()));
  for (std::size_t j = 0; j < inputs.size(); ++j) {
    const json& sample = inputs[j];
    if (!sample.is_array()) {
      throw HttpError(422, fmt::format("inputs[{}]: needs a list of {} numbers", j, features));
    }
    if (static_cast<Index>(sample.size()) != features) {
      throw HttpError(
          422, fmt::format("inputs[{}]: needs {} numbers, got {}", j, features, sample.size()));
    }
    for (std::size_t i = 0; i < sample.size(); ++i) {
      const double value = sample[i].is_number() ? sample[i].get<double>()
                                                 : std::numeric_limits<double>::quiet_NaN();
      if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()))) {
        throw HttpError(
            422, fmt::format("inputs[{}][{}]: needs a finite number of at most 3.4e38", j, i));
      }
      x(static_cast<Index>(i), static_cast<Index>(j)) = static_cast<float>(value);
    }
  }
  return x;
}

Matrix<float> samples_of_bytes(const Version& version, std::size_t task, const std::string& bytes) {
  const Index features = version.tasks[task].features;
  const std::size_t sample = static_cast<std::size_t>(features) * sizeof(float);
  if (sample == 0 || bytes.size() % sample != 0) {
    throw HttpError(
        422, fmt::format("body: needs {} float32 numbers, {} bytes, for each sample, got {} bytes",
                         features, sample, bytes.size()));
  }
  Matrix<float> x(features, static_cast<Index>(bytes.size() / sample));
  if (x.size() > 0) std::memcpy(x.data(), bytes.data(), bytes.size());
  if (x.allFinite()) return x;
  for (Index j = 0; j < x.cols(); ++j) {
    for (Index i = 0; i < features; ++i) {
      if (!std::isfinite(x(i, j))) {
        throw HttpError(
            422, fmt::format("sample {}, value {}: needs a finite number, got {}", j, i, x(i, j)));
      }
    }
  }
  return x;
}

std::string answer_json(const std::string& model, const Version& version, std::size_t task,
                        const Matrix<float>& logits, const std::set<std::string>& notes) {
  const std::vector<std::string>& names = version.model.tasks[task].outputs;
  const AnswerKind kind = answer_kind(version, task);
  std::string text = fmt::format(R"({{"model":{},"version":{},"task":{})", quoted(model),
                                 version.number, quoted(version.tasks[task].name));
  append_columns(text, "outputs", logits);
  Matrix<double> answers = logits.cast<double>();
  if (kind != AnswerKind::numbers || version.model.schema) {
    answers = answers_of_logits(version.model, std::move(answers), task);
  }
  std::vector<std::string> quoted_names;
  for (const std::string& name : names) quoted_names.push_back(quoted(name));
  text += ",\"predictions\":[";
  for (Index j = 0; j < answers.cols(); ++j) {
    const auto column = answers.col(j);
    if (j > 0) text += ',';
    if (kind == AnswerKind::classes) {
      Index best = 0;
      column.maxCoeff(&best);
      text += quoted_names[static_cast<std::size_t>(best)];
      continue;
    }
    const bool list = kind == AnswerKind::labels || column.size() != 1;
    if (list) text += '[';
    bool first = true;
    for (Index i = 0; i < column.size(); ++i) {
      if (kind == AnswerKind::labels && !(column[i] > 0.5)) continue;
      if (!first) text += ',';
      first = false;
      if (kind == AnswerKind::labels) {
        text += quoted_names[static_cast<std::size_t>(i)];
      } else {
        append_number(text, column[i]);
      }
    }
    if (list) text += ']';
  }
  text += ']';
  if (kind != AnswerKind::numbers) {
    const Matrix<float> probabilities = answers.cast<float>();
    append_columns(text, "probabilities", probabilities);
  }
  if (!notes.empty())
    text += ",\"notes\":" + json(notes).dump(-1, ' ', false, json::error_handler_t::replace);
  return text + "}\n";
}

std::string answer_bytes(const Matrix<float>& logits) {
  return {reinterpret_cast<const char*>(logits.data()),
          static_cast<std::size_t>(logits.size()) * sizeof(float)};
}

}  // namespace isoform
