// One page about one model: what was read off it, as pictures, tables and plain words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isoform/model/model.h"
#include "isoform/topology/reading.h"

namespace isoform {

/// How far the outputs moved when every layer was turned to a basis: |Δy|/|y|.
struct BasisCheck {
  std::string basis;
  double mean = 0, largest = 0;
};

/// What a page shows. Pictures are drawn where the model's inputs are images.
struct ModelPage {
  const Model<float>& model;
  std::string name;  // of the file
  Basis basis = Basis::singular;
  std::vector<LayerReading> layers;
  std::vector<BasisCheck> checks;
  std::string measured_on;         // what the checks were measured on
  std::string read_on;             // what shares and stand-ins come from; empty: no data
  std::optional<double> accuracy;  // on measured_on
  double output_rms = 0;           // √E|y|² on measured_on
  Matrix<double> weights,
      answers;     // of the first layer's first connections (Reader); may lack columns
  Index top = 10;  // connections in the table of each layer; 0: all
};

/// One self-contained HTML document: no scripts, fonts or other files; pictures are SVG inside it; light, or dark
/// where the reader's system is. Everything is escaped. It is well-formed XML too.
std::string draw_page(const ModelPage& page);

/// Where a term leads, for people: "pixel 3,17", "input 5", "hidden 1 no. 4", "Sneaker"; with several tasks
/// "digits: 4". Connections count from 1, coordinates from 0.
std::string term_name(const Model<float>& model, const Term& term);
/// The first `count` terms with their weights: "pixel 3,17 +0.42, input 5 −0.1".
std::string terms_text(const Model<float>& model, const std::vector<Term>& terms,
                       std::size_t count);

/// One sentence: what strength means in a basis.
std::string strength_meaning(Basis basis);

}  // namespace isoform
