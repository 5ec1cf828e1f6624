// What the model server answers, for programs: OpenAPI 3.
#pragma once

#include <nlohmann/json.hpp>

namespace isoform {

/// The routes of serve/model_server.h; a test holds the two together.
nlohmann::json openapi();

}  // namespace isoform
