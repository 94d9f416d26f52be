#include "actors/ingest/writer.hpp"

#include "actors/supervision/exceptions.hpp"

namespace furrow::actors {

writer_actor::behavior_type writer(metered_pointer<writer_actor, writer_state> self,
                                   storage::store* store,
                                   const std::string& lane) {
  report_exceptions(self);
  self->state.lane = store->open_appender(lane);
  return {
    [self](append_job& job) {
      self->state.call = job.call;
      self->state.waiting = job.from;
      self->state.lane->append(job.batch, [call = job.call, me = writer_actor{self}](
                                            storage::result<storage::append_outcome> outcome) {
        caf::anon_send(
          me, append_reply{call, std::make_shared<storage::result<storage::append_outcome>>(
                                   std::move(outcome))});
      });
    },
    [self](append_reply& reply) {
      if (reply.call == self->state.call)
        self->send(self->state.waiting, std::move(reply));
    },
  };
}

} // namespace furrow::actors
