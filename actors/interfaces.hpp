/// All typed handles, by conversation: which actor receives which message. messages.hpp defines the
/// messages.
///
/// Shape: all messages stay inside one process. They carry pointers and are never serialized.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

namespace furrow::actors {
struct attach_order;
struct report_wish;
struct delivery;
struct showing;
struct detach_notice;
struct hurry_notice;
struct claim_order;
struct claim_cancel;
struct claim_answer;
struct claim_reply;
struct append_order;
struct append_answer;
struct append_job;
struct append_reply;
struct flush_due;
struct claim_due;
struct passivation_due;
struct retry_due;
struct held_due;
struct gather_due;
struct hang_due;
struct digest_due;
struct digest_reply;
struct seal_due;
struct seal_reply;
struct care_due;
struct partitions_reply;
struct expire_reply;
struct newest_reply;
struct lease_due;
struct beat_reply;
struct judge_reply;
struct leave_reply;
struct settle_reply;
struct pins_reply;
struct unsettle_reply;
struct home_answer;
struct homes_due;
struct store_replaced;
struct lane_changed;
struct desk_changed;
struct writer_changed;
} // namespace furrow::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::attach_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::report_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::delivery)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::showing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::detach_notice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::hurry_notice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::claim_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::claim_cancel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::claim_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::claim_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::append_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::append_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::append_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::append_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::flush_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::claim_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::passivation_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::retry_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::held_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::gather_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::hang_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::digest_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::digest_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::seal_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::seal_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::care_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::partitions_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::expire_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::newest_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::lease_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::beat_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::judge_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::leave_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::settle_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::pins_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::unsettle_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::home_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::homes_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::store_replaced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::lane_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::desk_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::writer_changed)

namespace furrow::actors {

/// One database connection, one transaction at a time.
using writer_actor = caf::typed_actor<
  // Commit this batch; append_reply goes to the aggregator that sent it.
  caf::reacts_to<append_job>,
  // The store's answer, from the store's thread to the writer itself.
  caf::reacts_to<append_reply>>;

/// Gathers the blocks of many machines until its writer is free.
using aggregator_actor = caf::typed_actor<
  // Append these items; append_answer goes to the equipment actor that sent them.
  caf::reacts_to<append_order>,
  // The writer's answer to the current batch.
  caf::reacts_to<append_reply>,
  // The blocks have gathered for long enough.
  caf::reacts_to<gather_due>,
  // The transaction under way may hang.
  caf::reacts_to<hang_due>,
  // A writer has started; the batch of an older writer is in doubt.
  caf::reacts_to<writer_changed>>;

/// Claims streams in one database for the whole node, many in one call.
using claim_desk_actor = caf::typed_actor<
  // Claim this stream; claim_answer returns the result. `delayed` may come before the result.
  caf::reacts_to<claim_order>,
  // The session that needed this claim has ended; no answer is due.
  caf::reacts_to<claim_cancel>,
  // The store's answer.
  caf::reacts_to<claim_reply>,
  // The wait after a failed call is over.
  caf::reacts_to<retry_due>,
  // Streams that another transaction held are asked for again.
  caf::reacts_to<held_due>>;

/// Makes rollups and telemetry from durable items.
using digest_actor = caf::typed_actor<
  // A rest or a wait is over: continue the pass, or begin the next one.
  caf::reacts_to<digest_due>,
  // The store's answer.
  caf::reacts_to<digest_reply>>;
/// Moves blocks into segments, in the background.
using sealer_actor = caf::typed_actor<
  // Check whether there are blocks to seal.
  caf::reacts_to<seal_due>,
  // The store's answer.
  caf::reacts_to<seal_reply>>;

/// Makes partitions ahead and carries out retention, in the background.
using caretaker_actor = caf::typed_actor<
  // Check which partitions are needed, then which data is older than retention allows.
  caf::reacts_to<care_due>,
  // The store's answers.
  caf::reacts_to<partitions_reply>,
  caf::reacts_to<expire_reply>,
  caf::reacts_to<newest_reply>>;

/// The lease of this node, and who else is in the cluster.
using membership_actor = caf::typed_actor<
  // Check whether something is to be asked about the lease, or the program wants something.
  caf::reacts_to<lease_due>,
  // The store's answers.
  caf::reacts_to<beat_reply>,
  caf::reacts_to<judge_reply>,
  caf::reacts_to<leave_reply>,
  caf::reacts_to<settle_reply>,
  caf::reacts_to<unsettle_reply>,
  caf::reacts_to<pins_reply>>;

/// One machine: its streams, its live state, its sessions.
using equipment_actor = caf::typed_actor<
  // A gateway's session greets; the answer goes through the session's port.
  caf::reacts_to<attach_order>,
  // A batch of an attached session.
  caf::reacts_to<delivery>,
  // A sample of the newest frames, for the live view alone.
  caf::reacts_to<showing>,
  // The session has ended.
  caf::reacts_to<detach_notice>,
  // A reader requests faults, ECUs and implements; the answer goes through `report_wish::from`.
  caf::reacts_to<report_wish>,
  // The result of a claim.
  caf::reacts_to<claim_answer>,
  // The result of an append.
  caf::reacts_to<append_answer>,
  // The oldest packed item may have waited long enough.
  caf::reacts_to<flush_due>,
  // A claim has waited for long enough.
  caf::reacts_to<claim_due>,
  // The machine's gateways are to leave: flush what is packed.
  caf::reacts_to<hurry_notice>,
  // Check whether this actor is idle.
  caf::reacts_to<passivation_due>,
  // An aggregator has started; the appends of an older one are lost.
  caf::reacts_to<lane_changed>,
  // A claim desk has started; the requests of an older one are lost.
  caf::reacts_to<desk_changed>,
  // The database was failed over; it may hold less than was acked.
  caf::reacts_to<store_replaced>>;

/// Supervisor of the equipment actors: starts an actor when its gateway greets, and counts restarts.
using fleet_actor = caf::typed_actor<
  // A gateway's session greets: find or start its machine.
  caf::reacts_to<attach_order>,
  // Where a farm lives: the gateways that wait for that go on.
  caf::reacts_to<home_answer>,
  // Reject the gateways that have waited for long enough.
  caf::reacts_to<homes_due>,
  // To be sent to the machines of that database.
  caf::reacts_to<lane_changed>,
  caf::reacts_to<desk_changed>,
  caf::reacts_to<store_replaced>>;

} // namespace furrow::actors
