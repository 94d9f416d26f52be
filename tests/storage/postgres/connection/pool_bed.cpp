#include "tests/storage/postgres/connection/pool_bed.hpp"

#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/rows.hpp"

#include <boost/asio/post.hpp>

namespace furrow::tests {

using namespace storage;

namespace {

task<storage::result<std::string>> first_value(pq_connection& db, std::string sql, bool several) {
  pq_reply reply;
  if (several)
    reply = co_await db.run(sql);
  else
    reply = co_await db.query(sql.c_str());
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  co_return rows.size() > 0 ? rows.text(0, 0) : std::string{};
}

} // namespace

pool_bed::pool_bed(const std::string& url,
                   const pool_options& options,
                   const std::function<void(pq_connection::settings&)>& change) {
  pq_connection::settings settings;
  settings.url = url;
  settings.application_name = "pool-bed";
  if (change)
    change(settings);
  monitor_ = std::make_shared<store_monitor>(std::chrono::milliseconds{500},
                                             std::chrono::steady_clock::now());
  settings.monitor = monitor_;
  pool_ = std::make_shared<query_pool>(
    context_, std::make_shared<std::chrono::steady_clock::time_point>(), settings, options);
  thread_ = std::thread{[this] {
    pool_->start();
    context_->run();
  }};
}

pool_bed::~pool_bed() {
  query_pool::close(pool_);
  work_.reset();
  thread_.join();
}

template <class Work>
std::future<pool_bed::answer> pool_bed::submit(Work work) {
  auto promised = std::make_shared<std::promise<answer>>();
  auto coming = promised->get_future();
  pool_->submit(job_of<std::string>(
    false, [promised](answer outcome) { promised->set_value(std::move(outcome)); },
    std::move(work)));
  return coming;
}

std::future<pool_bed::answer> pool_bed::ask_later(const std::string& sql) {
  return submit([sql](pq_connection& db) { return first_value(db, sql, false); });
}

pool_bed::answer pool_bed::ask(const std::string& sql) {
  return ask_later(sql).get();
}

pool_bed::answer pool_bed::run(const std::string& sql) {
  return submit([sql](pq_connection& db) { return first_value(db, sql, true); }).get();
}

pool_numbers pool_bed::numbers() {
  std::promise<pool_numbers> promised;
  boost::asio::post(*context_, [&] { promised.set_value(pool_->numbers()); });
  return promised.get_future().get();
}

store_activity pool_bed::activity() {
  std::promise<store_activity> promised;
  boost::asio::post(*context_,
                    [&] { promised.set_value(monitor_->read(std::chrono::steady_clock::now())); });
  return promised.get_future().get();
}

} // namespace furrow::tests
