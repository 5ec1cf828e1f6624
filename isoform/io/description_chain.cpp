// The keys that describe a chain of layers.
#include "isoform/io/description_words.h"

namespace isoform::detail {

using nlohmann::json;

namespace {

template <class Value, class FromName>
std::vector<Value> parse_names(const Field& field, std::size_t count, FromName from_name) {
  if (field.is_text()) return std::vector<Value>(count, known_name(field, from_name));
  std::vector<Value> values;
  for (const Field& name : field.list()) values.push_back(known_name(name, from_name));
  if (values.size() != count) {
    throw FormatError(fmt::format("{}: needs one name, or one for each of {} hidden spaces, got {}",
                                  field.where(), count, values.size()));
  }
  return values;
}

}  // namespace

void put_chain(const ModelDescription& d, json& all) {
  all["widths"] = d.widths;
  all["groups"] = d.groups;
  all["radial"] = names_json(d.radials, radial_name);
  all["intrinsic_length_mode"] = names_json(d.length_modes, length_mode_name);
  all["psi_mode"] = names_json(d.psi_modes, psi_mode_name);
  if (!d.frozen.empty()) all["frozen"] = d.frozen;
}

void parse_chain(const Field& all, ModelDescription& d) {
  d.widths = parse_integers(all["widths"], 1);
  if (d.widths.size() < 2) all["widths"].fail("an input and an output at least");
  for (const Field& sizes : all["groups"].list()) d.groups.push_back(parse_integers(sizes, 1));
  d.radials = parse_names<Radial>(all["radial"], d.hidden(), radial_from_name);
  d.length_modes.assign(d.hidden(), LengthMode::trainable);
  if (const auto mode = all.find("intrinsic_length_mode")) {
    d.length_modes = parse_names<LengthMode>(*mode, d.hidden(), length_mode_from_name);
  }
  d.psi_modes.assign(d.hidden(), PsiMode::decay);
  if (const auto mode = all.find("psi_mode")) {
    d.psi_modes = parse_names<PsiMode>(*mode, d.hidden(), psi_mode_from_name);
  }
  if (const auto frozen = all.find("frozen")) {
    const std::vector<Field> lists = frozen->list();
    if (lists.empty()) frozen->fail("a list for each hidden space and each head");
    for (const Field& groups : lists) d.frozen.push_back(parse_integers(groups, 0));
  }
}

std::string chain_fault(const ModelDescription& d) {
  if (d.widths.size() < 2) {
    return fmt::format("widths: needs an input and an output at least, got {}", d.widths.size());
  }
  if (d.groups.size() != d.hidden()) {
    return fmt::format("groups: needs a list of sizes for each of {} hidden spaces, got {}",
                       d.hidden(), d.groups.size());
  }
  for (std::size_t i = 0; i < d.hidden(); ++i) {
    std::string fault = sizes_fault(fmt::format("groups[{}]", i), d.groups[i], d.widths[i + 1]);
    if (!fault.empty()) return fault;
  }
  if (d.frozen.empty()) return {};
  const std::size_t heads = d.output_sizes().size();
  if (d.frozen.size() != d.hidden() + heads) {
    return fmt::format("frozen: needs a list for each of {} hidden spaces and {} heads, got {}",
                       d.hidden(), heads, d.frozen.size());
  }
  for (std::size_t i = 0; i < d.frozen.size(); ++i) {
    const std::size_t parts = i < d.hidden() ? d.groups[i].size() : 1;
    std::string fault = frozen_fault(fmt::format("frozen[{}]", i), d.frozen[i], parts);
    if (!fault.empty()) return fault;
  }
  return {};
}

}  // namespace isoform::detail
