// The files of an experiment. Private to this room.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "isoform/experiment/experiment.h"
#include "isoform/experiment/procedure.h"

namespace isoform {

/// Processor, cores and memory, as far as the system tells.
nlohmann::json machine_json();

/// What a run depends on: settings, seeds, data with checksums, version.
nlohmann::json identity_json(const ExperimentSettings& settings, const DataShelf& data);

/// Where two identities differ, a line each: "training.epochs: 5 there, 6 asked for".
std::string differences(const nlohmann::json& there, const nlohmann::json& wanted);

/// run.json, numbers.csv, numbers.json and report.html.
void write_outcome(const ExperimentSettings& settings, const ExperimentProcedure& procedure,
                   const ExperimentOptions& options, const nlohmann::json& identity,
                   const ExperimentOutcome& outcome);

}  // namespace isoform
