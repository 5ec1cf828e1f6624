// What is asked of a model, taken from a request, and how it is answered.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "isoform/serve/http.h"
#include "isoform/serve/version.h"

namespace isoform {

/// JSON is parsed into a tree some ten times its size: more goes by application/octet-stream.
inline constexpr std::size_t kMaxJsonBody = 8U << 20;

/// The body as a JSON object. HttpError: 415 for another content type, 413 beyond kMaxJsonBody, 400 for what is no JSON object or has a key
/// that is not among `known`.
nlohmann::json json_body(const HttpRequest& request, const std::vector<std::string>& known);

/// Raw samples of a task [features × samples] from "inputs" ([[number, …], …]) or "rows". HttpError 422 names the sample, what was
/// needed and what came: another number of values, no number, not finite.
Matrix<float> samples_of(const Version& version, std::size_t task, const nlohmann::json& body,
                         std::set<std::string>& notes);

/// The same from float32, little-endian, sample after sample.
Matrix<float> samples_of_bytes(const Version& version, std::size_t task, const std::string& bytes);

/// {"model", "version", "task", "outputs", "predictions", "probabilities"}: of classes the most probable name, of labels the list of those
/// above ½, of numbers the number (several: a list) in the units of the table. A number that is not finite is null.
std::string answer_json(const std::string& model, const Version& version, std::size_t task,
                        const Matrix<float>& logits, const std::set<std::string>& notes);

/// float32, little-endian, sample after sample.
std::string answer_bytes(const Matrix<float>& logits);

}  // namespace isoform
