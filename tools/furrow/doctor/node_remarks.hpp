/// What `furrow doctor` makes of a node's answers: readiness, alarms, clock, certificate, limits, gateways, other nodes.
///
/// Shape: `ask_node` asks, `remarks_on` judges; the judgement is a plain function of the answers.
/// Units: microseconds since 1970.
/// Errors: a node that does not answer at all is an error; what the token may not read is one remark.
/// Threads: blocks its caller.
#pragma once

#include "storage/doctor/doctor.hpp"
#include "tools/furrow/client.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

/// An address that a node names, and why this machine cannot connect to it; empty: it can.
struct tried_address {
  std::string node;
  std::string address;
  std::string fault;
};

struct node_answers {
  json health;
  json ready;
  std::int64_t asked_us = 0; // by the clock of this machine, in the middle of the question
  std::string denied;        // why the rest was not answered; empty: it was
  std::string metrics;
  json gateways; // null: not answered, as the next ones
  json nodes;
  json actors;
  std::vector<tried_address> tried;
};

[[nodiscard]] result<node_answers> ask_node(const globals& globals);
[[nodiscard]] std::vector<storage::remark> remarks_on(const node_answers& answers);

} // namespace furrow::cli
