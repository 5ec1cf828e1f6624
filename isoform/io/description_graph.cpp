// The keys that describe a graph of spaces and maps.
#include "isoform/io/description_words.h"

namespace isoform::detail {

using nlohmann::json;

namespace {

// Largest number of inputs altogether, as of every whole number in a description.
constexpr Index kMostInputs = Index{1} << 53;

json space_json(const SpaceDescription& s) {
  json object = {{"name", s.name}, {"dimension", s.dimension}};
  if (!s.groups.empty()) {
    object["groups"] = s.groups;
    object["radial"] = radial_name(s.radial);
    object["intrinsic_length_mode"] = length_mode_name(s.length_mode);
  }
  if (!s.frozen.empty()) object["frozen"] = s.frozen;
  return object;
}

json map_json(const MapDescription& m, bool reads_gates) {
  json object = {{"from", m.from}, {"to", m.to}};
  if (!m.factors.empty()) object["factors"] = m.factors;
  if (reads_gates) object["psi_mode"] = psi_mode_name(m.psi_mode);
  return object;
}

SpaceDescription parse_space(const Field& field) {
  SpaceDescription s;
  s.name = field["name"].text();
  s.dimension = field["dimension"].integer(0);
  if (const auto frozen = field.find("frozen")) s.frozen = parse_integers(*frozen, 0);
  if (const auto groups = field.find("groups")) {
    s.groups = parse_integers(*groups, 1);
    if (s.groups.empty()) groups->fail("the size of a group at least");
    s.radial = known_name(field["radial"], radial_from_name);
    if (const auto mode = field.find("intrinsic_length_mode")) {
      s.length_mode = known_name(*mode, length_mode_from_name);
    }
    return s;
  }
  for (const char* key : {"radial", "intrinsic_length_mode"}) {
    if (const auto other = field.find(key)) other->fail("the key 'groups' beside it");
  }
  return s;
}

MapDescription parse_map(const Field& field, const std::vector<SpaceDescription>& spaces) {
  const auto position = [&](const Field& number) {
    const Index at = number.integer(0);
    if (at >= static_cast<Index>(spaces.size())) {
      number.fail(fmt::format("the position of one of {} spaces, from 0", spaces.size()));
    }
    return at;
  };
  MapDescription m;
  m.from = position(field["from"]);
  m.to = position(field["to"]);
  if (const auto factors = field.find("factors")) {
    for (const Field& factor : factors->list()) m.factors.push_back(position(factor));
  }
  const bool reads_gates = !spaces[static_cast<std::size_t>(m.from)].groups.empty();
  if (reads_gates) m.psi_mode = PsiMode::decay;
  if (const auto mode = field.find("psi_mode")) {
    if (!reads_gates) mode->fail("a map from a space with groups");
    m.psi_mode = known_name(*mode, psi_mode_from_name);
  }
  return m;
}

// Whether a map may run back: to a space without groups that is read (a stream), from one that is no such.
bool runs_back(const ModelDescription& d, const MapDescription& m) {
  const auto is_read = [&](Index space) {
    return std::any_of(d.maps.begin(), d.maps.end(),
                       [&](const MapDescription& other) { return other.from == space; });
  };
  const auto written_back = [&](Index space) {
    return std::any_of(d.maps.begin(), d.maps.end(), [&](const MapDescription& other) {
      return other.to == space && other.from >= space;
    });
  };
  return m.from > m.to && d.spaces[static_cast<std::size_t>(m.to)].groups.empty() &&
         is_read(m.to) && !written_back(m.from);
}

std::string map_fault(const std::string& where, const ModelDescription& d,
                      const MapDescription& m) {
  if (m.from >= m.to && !runs_back(d, m)) {
    return fmt::format(
        "{}: needs a source that stands before its target, or a target without groups that is "
        "read (a stream) and a source that is none, got from {} to {}",
        where, m.from, m.to);
  }
  for (const Index factor : m.factors) {
    const std::size_t gates = d.spaces[static_cast<std::size_t>(factor)].groups.size();
    if (factor >= m.to || gates != 1) {
      return fmt::format(
          "{}.factors: needs spaces of one group that stand before space {}, got space {} with {} "
          "groups",
          where, m.to, factor, gates);
    }
  }
  return {};
}

std::string space_fault(const std::string& where, const SpaceDescription& s, bool reads,
                        bool is_read) {
  const bool hidden = !s.groups.empty();
  if (hidden && !reads) return where + ": needs a map that ends in it, as it has groups";
  if (!reads && !is_read) return where + ": needs a map that starts from it or ends in it";
  if (s.dimension == 0 && (hidden || reads)) {
    return where + ".dimension: needs at least 1, as a map ends in it; only what is given may be 0";
  }
  if (hidden) {
    std::string fault = sizes_fault(where + ".groups", s.groups, s.dimension);
    if (!fault.empty()) return fault;
  }
  return frozen_fault(where + ".frozen", s.frozen, hidden ? s.groups.size() : reads ? 1 : 0);
}

}  // namespace

void put_graph(const ModelDescription& d, json& all) {
  all["spaces"] = json::array();
  for (const SpaceDescription& s : d.spaces) all["spaces"].push_back(space_json(s));
  all["maps"] = json::array();
  for (const MapDescription& m : d.maps) {
    all["maps"].push_back(map_json(m, !d.spaces[static_cast<std::size_t>(m.from)].groups.empty()));
  }
}

void parse_graph(const Field& all, ModelDescription& d) {
  for (const Field& space : all["spaces"].list()) d.spaces.push_back(parse_space(space));
  for (const Field& map : all["maps"].list()) d.maps.push_back(parse_map(map, d.spaces));
}

std::string graph_fault(const ModelDescription& d) {
  std::vector<char> reads(d.spaces.size(), 0), is_read(d.spaces.size(), 0);
  for (std::size_t i = 0; i < d.maps.size(); ++i) {
    const MapDescription& m = d.maps[i];
    if (std::string fault = map_fault(fmt::format("maps[{}]", i), d, m); !fault.empty()) {
      return fault;
    }
    const bool constant = d.spaces[static_cast<std::size_t>(m.from)].dimension == 0;
    if (constant && d.structures[i] != Structure::dense) {
      return fmt::format("structure[{}]: needs 'dense', as the map has no weight", i);
    }
    reads[static_cast<std::size_t>(m.to)] = 1;
    is_read[static_cast<std::size_t>(m.from)] = 1;
  }
  Index inputs = 0;
  for (std::size_t i = 0; i < d.spaces.size(); ++i) {
    const std::string where = fmt::format("spaces[{}]", i);
    const SpaceDescription& s = d.spaces[i];
    std::string fault = space_fault(where, s, reads[i] != 0, is_read[i] != 0);
    if (!fault.empty()) return fault;
    if (reads[i] != 0) continue;
    if (s.dimension > kMostInputs - inputs) {
      return fmt::format("{}.dimension: needs at most {} inputs altogether, got {}", where,
                         kMostInputs, s.dimension);
    }
    inputs += s.dimension;
  }
  if (inputs == 0 || d.output_sizes().empty()) {
    return fmt::format("spaces: need an input and an output, got {} spaces without both",
                       d.spaces.size());
  }
  return {};
}

}  // namespace isoform::detail
