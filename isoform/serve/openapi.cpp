#include "isoform/serve/openapi.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "isoform/base/version.h"

namespace isoform {

namespace {

using nlohmann::json;

json reference(const char* name) { return {{"$ref", std::string("#/components/schemas/") + name}}; }

json content(const char* type, json schema) { return {{type, {{"schema", std::move(schema)}}}}; }

json bytes() { return {{"type", "string"}, {"format", "binary"}}; }

json number(const char* about) { return {{"type", "number"}, {"description", about}}; }
json whole(const char* about) { return {{"type", "integer"}, {"description", about}}; }
json text(const char* about) { return {{"type", "string"}, {"description", about}}; }
json flag(const char* about) { return {{"type", "boolean"}, {"description", about}}; }
json list(json of, const char* about) {
  return {{"type", "array"}, {"items", std::move(of)}, {"description", about}};
}

json object(std::vector<std::pair<const char*, json>> properties) {
  json all = json::object();
  for (auto& [name, schema] : properties) all[name] = std::move(schema);
  return {{"type", "object"}, {"properties", std::move(all)}};
}

json samples(const char* about) { return list(list({{"type", "number"}}, "one sample"), about); }

json rows() {
  return list({{"type", "object"}},
              "of a model of tables: {column: value}, null where one is missing");
}

json schemas() {
  json all;
  all["Error"] = object({{"error", text("what was wrong, and how to mend it")}});
  all["Error"]["required"] = {"error"};
  all["Question"] = object({{"inputs", samples("raw values, a list for each sample")},
                            {"rows", rows()},
                            {"task", text("of a model with several")}});
  all["Answer"] = object(
      {{"model", text("its name")},
       {"version", whole("of the weights that answered")},
       {"task", text("its name")},
       {"outputs", samples("logits, a list for each sample")},
       {"predictions",
        list(json::object(),
             "the most probable class; a list of labels; a number in the units of the table")},
       {"probabilities", samples("of classes and labels")},
       {"notes", list({{"type", "string"}}, "categories never seen, values newly missing")}});
  all["Model"] =
      object({{"name", text("under which it is asked")},
              {"version", whole("of the weights that answer")},
              {"made_by", text("load, shrink, grow, rotate, append_class, replace or learn")},
              {"widths", list({{"type", "integer"}}, "inputs, hidden layers, outputs")},
              {"parameters", whole("numbers in the network")},
              {"reads_rows", flag("true of models of tables")},
              {"tasks", list({{"type", "object"}}, "name, features, outputs, answers, classes")},
              {"inputs", list({{"type", "object"}}, "name, features, feature_names")},
              {"columns", list({{"type", "object"}}, "of the table: name, kind, categories")},
              {"versions_kept", whole("how often rollback can be asked")},
              {"learns", flag("true where /learn is on")}});
  all["Edit"] =
      object({{"shrink", object({{"tolerance", number("mean relative change of the outputs")},
                                 {"widths", list({{"type", "integer"}}, "of the hidden layers")},
                                 {"parameters", whole("at most")},
                                 {"below_need", flag("fewer neurons than outputs are allowed")}})},
              {"grow", object({{"space", whole("hidden layer, from 1")},
                               {"by", whole("neurons")},
                               {"group_size", whole("8")}})},
              {"rotate", object({{"space", whole("hidden layer, from 1")},
                                 {"kind", text("left, right or random")},
                                 {"seed", whole("of random")}})},
              {"append_class", object({{"name", text("of the class")},
                                       {"names", list({{"type", "string"}}, "of several")},
                                       {"task", text("of a model with several")}})},
              {"inputs", samples("to judge by; without: what was asked lately")},
              {"rows", rows()},
              {"task", text("that the samples are of")}});
  all["Edit"]["description"] = "One of shrink, grow, rotate, append_class.";
  all["Edited"] = object({{"model", text("its name")},
                          {"version", whole("that answers from now on")},
                          {"made_by", text("the edit")},
                          {"widths_before", list({{"type", "integer"}}, "before")},
                          {"widths", list({{"type", "integer"}}, "now")},
                          {"parameters_before", whole("before")},
                          {"parameters", whole("now")},
                          {"change", object({{"mean", number("of the outputs, relative")},
                                             {"largest", number("the same")}})},
                          {"judged_on", text("which samples")}});
  all["Published"] = object({{"model", text("its name")},
                             {"version", whole("that answers from now on")},
                             {"widths", list({{"type", "integer"}}, "of a replaced model")},
                             {"versions_kept", whole("how often rollback can be asked")}});
  all["Lesson"] = object(
      {{"inputs", samples("raw values, a list for each sample")},
       {"rows", rows()},
       {"labels", list(json::object(),
                       "for each sample the name of its class, a list of labels, or a number")},
       {"task", text("of a model with several")},
       {"append_new_classes", flag("names that are new become classes; else they are refused")}});
  all["Lesson"]["required"] = {"labels"};
  all["Learned"] =
      object({{"model", text("its name")},
              {"published",
               flag("false: the loss on samples kept to judge by grew, and nothing was changed")},
              {"version", whole("that answers from now on")},
              {"learned", whole("samples that were trained on")},
              {"judged_on", whole("samples")},
              {"loss_before", number("on those")},
              {"loss_after", number("on those")},
              {"appended", list({{"type", "string"}}, "new classes")},
              {"why", text("it was not published")}});
  return all;
}

json failures(bool changes) {
  const auto failure = [](const char* about) {
    return json{{"description", about},
                {"content", content("application/json", reference("Error"))}};
  };
  json all = {{"400", failure("malformed")},
              {"401", failure("a token is needed")},
              {"403", failure("another token, host or origin")},
              {"404", failure("unknown")},
              {"429", failure("too many requests; Retry-After")},
              {"503", failure("too much waits; Retry-After")}};
  if (changes) all["409"] = failure("another change is under way, or there is nothing to do");
  return all;
}

json operation(const char* id, const char* summary, const char* scope, bool named, bool changes,
               json answer) {
  json one = {{"operationId", id}, {"summary", summary}, {"responses", failures(changes)}};
  one["responses"]["200"] = {{"description", "done"}, {"content", std::move(answer)}};
  one["security"] =
      std::string(scope) == "open" ? json::array() : json::array({{{scope, json::array()}}});
  if (named) {
    one["parameters"] = {
        {{"name", "name"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}};
  }
  return one;
}

void takes(json& one, json body) {
  one["requestBody"] = {{"required", true}, {"content", std::move(body)}};
  for (const char* status : {"411", "413", "415", "422"}) {
    one["responses"][status] = {{"description", "the body does not fit"},
                                {"content", content("application/json", reference("Error"))}};
  }
}

}  // namespace

json openapi() {
  json paths;
  const auto as_json = [](const char* name) {
    return content("application/json", reference(name));
  };
  paths["/v1/models"]["get"] = operation(
      "listModels", "What is served.", "predict", false, false,
      content("application/json", object({{"models", list(reference("Model"), "in brief")}})));
  paths["/v1/models/{name}"]["get"] =
      operation("getModel", "One model, with its classes, features and columns.", "predict", true,
                false, as_json("Model"));
  json& put = paths["/v1/models/{name}"]["put"] =
      operation("replaceModel", "Another model file under the name.", "control", true, true,
                as_json("Published"));
  takes(put, content("application/octet-stream", bytes()));
  json answers = as_json("Answer");
  answers["application/octet-stream"] = {{"schema", bytes()}};
  json& predict = paths["/v1/models/{name}/predict"]["post"] =
      operation("predict",
                "Answers to samples. float32, little-endian, for Accept: application/octet-stream.",
                "predict", true, false, answers);
  predict["parameters"].push_back(
      {{"name", "task"},
       {"in", "query"},
       {"required", false},
       {"schema", {{"type", "string"}}},
       {"description", "with a binary body, of a model with several tasks"}});
  json question = as_json("Question");
  question["application/octet-stream"] = {{"schema", bytes()}};
  takes(predict, question);
  const json header = {{"schema", {{"type", "string"}}}};
  predict["responses"]["200"]["headers"] = {{"X-Isoform-Version", header},
                                            {"X-Isoform-Shape", header}};
  json& edit = paths["/v1/models/{name}/edit"]["post"] =
      operation("editModel", "Another form of the model, computed beside the serving.", "control",
                true, true, as_json("Edited"));
  takes(edit, as_json("Edit"));
  json& rollback = paths["/v1/models/{name}/rollback"]["post"] = operation(
      "rollbackModel", "The version before this one.", "control", true, true, as_json("Published"));
  takes(rollback, content("application/json", object({})));
  json& learn = paths["/v1/models/{name}/learn"]["post"] =
      operation("learn", "A few steps on labelled samples; published if it is no worse.", "control",
                true, true, as_json("Learned"));
  takes(learn, as_json("Lesson"));
  paths["/v1/models/{name}/file"]["get"] =
      operation("downloadModel", "The model file.", "control", true, false,
                content("application/octet-stream", bytes()));
  paths["/metrics"]["get"] = operation("metrics", "Counters for Prometheus.", "predict", false,
                                       false, content("text/plain", {{"type", "string"}}));
  paths["/openapi.json"]["get"] = operation("openapi", "This description.", "open", false, false,
                                            content("application/json", {{"type", "object"}}));
  paths["/healthz"]["get"] =
      operation("health", "200 while the process answers.", "open", false, false,
                content("application/json", object({{"status", text("ok")}})));
  paths["/readyz"]["get"] = operation(
      "ready", "200 while requests shall be sent here, 503 when the server is about to end.",
      "open", false, false, content("application/json", object({{"ready", flag("503: false")}})));
  const auto scheme = [](const char* about) {
    return json{{"type", "http"}, {"scheme", "bearer"}, {"description", about}};
  };
  return {{"openapi", "3.0.3"},
          {"info",
           {{"title", "Isoform"},
            {"version", version()},
            {"description",
             "Neural networks that change their shape while they are asked. Without tokens nothing "
             "is asked for one."},
            {"license", {{"name", "Apache-2.0"}}}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", schemas()},
            {"securitySchemes",
             {{"predict", scheme("the token, or the control token")},
              {"control", scheme("the control token, or the token where there is no other")}}}}}};
}

}  // namespace isoform
