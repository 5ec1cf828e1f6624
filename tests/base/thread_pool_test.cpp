#include "isoform/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/base/random.h"

namespace isoform {
namespace {

class ThreadPoolOf : public ::testing::TestWithParam<int> {};

TEST_P(ThreadPoolOf, HasThatManyThreads) {
  EXPECT_EQ(ThreadPool(GetParam()).threads(), GetParam());
}

TEST_P(ThreadPoolOf, RunsEveryTileOnceOverThousandsOfJobs) {
  ThreadPool pool(GetParam());
  const Random random(1, Purpose::test, 0, GetParam());
  constexpr int kMost = 70;
  std::vector<std::atomic<int>> calls(kMost);
  for (int job = 0; job < 5000; ++job) {
    const int count = static_cast<int>(random.below(kMost + 1, job));
    for (auto& c : calls) c = 0;
    pool.run(count, [&](int i) { calls[static_cast<std::size_t>(i)].fetch_add(1); });
    for (int i = 0; i < kMost; ++i) {
      ASSERT_EQ(calls[static_cast<std::size_t>(i)], i < count ? 1 : 0)
          << "tile " << i << " of " << count << " in job " << job;
    }
  }
}

// Plain memory, no atomics: what tiles wrote is visible to the caller when run() returns, and what
// the caller wrote before is visible to the tiles.
TEST_P(ThreadPoolOf, PublishesWhatTilesWrote) {
  ThreadPool pool(GetParam());
  std::vector<long> values(1000, 0);
  for (int job = 0; job < 300; ++job) {
    pool.run(1000, [&](int i) { values[static_cast<std::size_t>(i)] += i + job; });
    for (auto& v : values) v -= job;
  }
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], 300L * i);
}

TEST_P(ThreadPoolOf, RunsTilesOfTilesInOrder) {
  ThreadPool pool(GetParam());
  std::vector<std::vector<int>> inner(9);
  for (int job = 0; job < 200; ++job) {
    for (auto& list : inner) list.clear();
    pool.run(9, [&](int i) {
      pool.run(5, [&](int j) { inner[static_cast<std::size_t>(i)].push_back(j); });
    });
    for (const auto& list : inner) ASSERT_EQ(list, (std::vector<int>{0, 1, 2, 3, 4}));
  }
}

TEST_P(ThreadPoolOf, NothingToDoIsDoneAtOnce) {
  ThreadPool pool(GetParam());
  for (int i = 0; i < 100; ++i) pool.run(0, [](int) { FAIL(); });
}

TEST_P(ThreadPoolOf, RethrowsWhatATileThrowsAndStaysUsable) {
  ThreadPool pool(GetParam());
  for (int job = 0; job < 200; ++job) {
    std::atomic<int> calls = 0;
    const int bad = job % 20;
    try {
      pool.run(20, [&](int i) {
        calls.fetch_add(1);
        if (i == bad) throw std::runtime_error("tile " + std::to_string(i));
      });
      FAIL() << "did not throw";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), "tile " + std::to_string(bad));
    }
    EXPECT_GE(calls, 1);
    calls = 0;
    pool.run(20, [&](int) { calls.fetch_add(1); });
    EXPECT_EQ(calls, 20);
  }
}

TEST_P(ThreadPoolOf, FinishesTheOtherTilesWhenOneThrows) {
  ThreadPool pool(GetParam());
  std::atomic<int> calls = 0;
  EXPECT_THROW(pool.run(50,
                        [&](int i) {
                          calls.fetch_add(1);
                          if (i == 3) throw UsageError("no");
                        }),
               UsageError);
  EXPECT_EQ(calls, 50);
}

TEST_P(ThreadPoolOf, SurvivesEveryTileThrowing) {
  ThreadPool pool(GetParam());
  for (int job = 0; job < 100; ++job) {
    EXPECT_THROW(pool.run(16, [](int) { throw std::runtime_error("no"); }), std::runtime_error);
  }
}

TEST_P(ThreadPoolOf, WakesAfterSleeping) {
  ThreadPool pool(GetParam());
  for (int pause = 0; pause < 10; ++pause) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    std::atomic<int> sum = 0;
    pool.run(100, [&](int i) { sum.fetch_add(i); });
    EXPECT_EQ(sum, 4950);
  }
}

TEST_P(ThreadPoolOf, ManyShortLivesEndCleanly) {
  for (int life = 0; life < 200; ++life) {
    ThreadPool pool(GetParam());
    std::atomic<int> calls = 0;
    if (life % 2 == 0) pool.run(life % 7, [&](int) { calls.fetch_add(1); });
    EXPECT_EQ(calls, life % 2 == 0 ? life % 7 : 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolOf, ::testing::Values(1, 2, 4, 8));

// Jobs of very different lengths one after another, so that some workers come late to most of them.
TEST(ThreadPool, UnevenTilesStress) {
  ThreadPool pool(4);
  const Random random(2, Purpose::test);
  std::atomic<long> done = 0;
  long expected = 0;
  for (int job = 0; job < 3000; ++job) {
    const int count = 2 + static_cast<int>(random.below(9, job));
    pool.run(count, [&](int i) {
      if ((i + job) % 5 == 0) std::this_thread::yield();
      done.fetch_add(1);
    });
    expected += count;
    ASSERT_EQ(done, expected);
  }
}

TEST(ThreadPool, TwoPoolsWorkSideBySide) {
  const auto sum_with_own_pool = [] {
    ThreadPool pool(2);
    std::atomic<long> sum = 0;
    for (int job = 0; job < 500; ++job) pool.run(30, [&](int i) { sum.fetch_add(i); });
    return sum.load();
  };
  long other = 0;
  std::thread thread([&] { other = sum_with_own_pool(); });
  const long mine = sum_with_own_pool();
  thread.join();
  EXPECT_EQ(mine, 500 * 435);
  EXPECT_EQ(other, mine);
}

TEST(ThreadPool, RefusesLessThanOneThread) {
  EXPECT_THROW(ThreadPool(0), UsageError);
  EXPECT_THROW(ThreadPool(-3), UsageError);
  EXPECT_GE(ThreadPool::available_cores(), 1);
}

}  // namespace
}  // namespace isoform
