// The words and the style of a page about a model. Private to page.cpp.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "isoform/model/model.h"
#include "isoform/topology/reading.h"

namespace isoform::page {

std::string shape_words(bool data);
std::string basis_words();
std::string weights_words();
std::string answers_words();
/// What is known of one layer, in sentences.
std::string layer_words(const Model<float>& model, Basis basis, const LayerReading& layer);
/// The unit of strength, a few words.
std::string strength_unit(Basis basis);
/// Every word of the page that needs it, explained.
std::vector<std::pair<std::string, std::string>> legend();

/// CSS of what only this page has, without its charts.
std::string page_style();

}  // namespace isoform::page
