// Rows of a table that come as JSON objects, as the model reads them.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "isoform/serve/version.h"

namespace isoform {

/// Samples [features × rows], raw, of a version whose model has a schema; as table/encode.h makes them of a file: null or a word for missing
/// is filled, a category that was never seen counts as none (and is named in `notes`). Numbers may be texts. Columns of the target, and
/// those that training left out, are passed over. HttpError 422 with the row for a column that is unknown or lacking, and a value that
/// is no number.
Matrix<float> encode_rows(const Version& version, const nlohmann::json& rows,
                          std::set<std::string>& notes);

}  // namespace isoform
