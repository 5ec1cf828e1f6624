// The model in a checkpoint.
#include <map>
#include <numeric>
#include <set>

#include "isoform/io/checkpoint_shelf.h"
#include "isoform/io/description_words.h"

namespace isoform::detail {

namespace {

// More ids than any network has had.
constexpr std::int64_t kMostIds = 10'000'000;

std::vector<std::string> parse_texts(const Field& field) {
  std::vector<std::string> texts;
  for (const Field& text : field.list()) texts.push_back(parse_text(text));
  return texts;
}

EditKind parse_kind(const Field& field) {
  const std::string name = field.text();
  for (int k = 0; k <= static_cast<int>(EditKind::refit); ++k) {
    if (edit_kind_name(static_cast<EditKind>(k)) == name) return static_cast<EditKind>(k);
  }
  field.fail("a kind of edit");
}

EditRecord parse_record(const Field& field) {
  EditRecord r;
  r.step = field["step"].integer(0);
  r.kind = parse_kind(field["kind"]);
  r.space = parse_int(field["space"], std::numeric_limits<int>::min());
  r.group = unless_null<Index>(
      field, "group", +[](const Field& f) -> Index { return f.integer(0); });
  r.before = field["before"].integer(0);
  r.after = field["after"].integer(0);
  r.born = field["born"].integer(0);
  r.removed = field["removed"].integer(0);
  r.score = parse_number(field["score"]);
  r.bound = unless_null<double>(field, "bound", parse_number);
  r.change = unless_null<double>(field, "change", parse_number);
  r.why = parse_text(field["why"]);
  return r;
}

Task parse_task(const Field& field) {
  Task task;
  task.name = parse_text(field["name"]);
  task.outputs = parse_texts(field["outputs"]);
  task.loss = known_name(field["loss"], loss_from_name);
  task.active = field["active"].flag();
  task.inputs = parse_texts(field["inputs"]);
  task.weight = parse_number(field["weight"]);
  return task;
}

template <class T>
Network<T> take_network(CheckpointShelf<T>& shelf, const Field& all, const std::string& prefix) {
  const std::int64_t space_ids = all["space_ids"].integer(0), map_ids = all["map_ids"].integer(0);
  shelf.require(space_ids <= kMostIds && map_ids <= kMostIds, prefix, "has too many ids");
  std::vector<Space<T>> spaces;
  std::map<int, std::size_t> at;
  for (const Field& field : all["spaces"].list()) {
    Space<T>& s = spaces.emplace_back();
    s.id = parse_int(field["id"], 0);
    const std::string who = fmt::format("{}.space.{}", prefix, s.id);
    shelf.require(s.id < space_ids && at.emplace(s.id, spaces.size() - 1).second, who,
                  "has an id that can't be");
    s.name = parse_text(field["name"]);
    s.dimension = field["dimension"].integer(0);
    s.groups = parse_integers(field["groups"], 1);
    Index left = s.dimension;
    for (const Index size : s.groups) left = size > left ? -1 : left - size;
    shelf.require(s.groups.empty() || left == 0, who, "has groups that do not add up");
    s.radial = known_name(field["radial"], radial_from_name);
    s.length_mode = known_name(field["length_mode"], length_mode_from_name);
    for (const Index mark : parse_integers(field["frozen"], 0)) {
      s.frozen.push_back(mark != 0 ? 1 : 0);
    }
    shelf.require(s.frozen.empty() || s.frozen.size() == s.parts().size(), who, "has other marks");
    s.length = shelf.take_vector(who);
    shelf.require(s.length.size() == s.gates(), who, "has another size");
  }
  std::vector<Map<T>> maps;
  std::set<int> ids;
  for (const Field& field : all["maps"].list()) {
    Map<T>& m = maps.emplace_back();
    m.id = parse_int(field["id"], 0);
    m.from = parse_int(field["from"], 0);
    m.to = parse_int(field["to"], 0);
    const std::string who = fmt::format("{}.map.{}", prefix, m.id);
    shelf.require(m.id < map_ids && ids.insert(m.id).second, who, "has an id that can't be");
    shelf.require(at.contains(m.from) && at.contains(m.to), who, "ends nowhere");
    m.psi_mode = known_name(field["psi_mode"], psi_mode_from_name);
    if (const auto norms = field.find("norms")) m.norms = norms->flag();
    for (const Index factor : parse_integers(field["factors"], 0)) {
      shelf.require(factor < space_ids && at.contains(static_cast<int>(factor)), who,
                    "has a factor that is not there");
      m.factors.push_back(static_cast<int>(factor));
    }
    m.inputs = spaces[at[m.from]].dimension;
    m.a = shelf.take(who);
  }
  try {
    return Network<T>(std::move(spaces), std::move(maps), static_cast<std::size_t>(space_ids),
                      static_cast<std::size_t>(map_ids));
  } catch (const InternalError&) {
    shelf.fail(prefix, "has spaces and maps that do not fit together");
  }
}

}  // namespace

template <class T>
Model<T> take_model(CheckpointShelf<T>& shelf, const Field& all, const std::string& prefix) {
  Model<T> model;
  model.network = take_network(shelf, all, prefix);
  shelf.require(model.network.all_finite(), prefix, "has numbers that are none");
  model.mean = shelf.take_vector(prefix + ".mean");
  model.scale = shelf.take_vector(prefix + ".scale");
  const std::vector<int> inputs = model.network.inputs(), outputs = model.network.outputs();
  const Index features =
      std::accumulate(inputs.begin(), inputs.end(), Index{0},
                      [&](Index sum, int id) { return sum + model.network.space(id).dimension; });
  shelf.require(model.mean.size() == features && model.scale.size() == features, prefix,
                "has a transform of another size");
  for (const Field& task : all["tasks"].list()) model.tasks.push_back(parse_task(task));
  for (const Field& input : all["inputs"].list()) {
    model.inputs.push_back({parse_text(input["name"]), parse_texts(input["features"])});
  }
  shelf.require(model.tasks.size() == outputs.size(), prefix, "has not a task for each output");
  shelf.require(model.inputs.empty() || model.inputs.size() == inputs.size(), prefix,
                "has not a name for each input");
  const std::vector<Index> image = parse_integers(all["image"], 0);
  shelf.require(image.size() == 2, prefix, "has a picture of another shape");
  model.image_rows = image[0];
  model.image_cols = image[1];
  if (!all["schema"].is_null()) model.schema = parse_schema(all["schema"]);
  for (const Field& record : all["history"].list()) {
    model.history.push_back(parse_record(record));
  }
  return model;
}

template Model<float> take_model(CheckpointShelf<float>&, const Field&, const std::string&);
template Model<double> take_model(CheckpointShelf<double>&, const Field&, const std::string&);

}  // namespace isoform::detail
