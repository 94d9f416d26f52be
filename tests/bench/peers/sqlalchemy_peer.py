#!/usr/bin/python3
"""Records per second of async SQLAlchemy with asyncpg: rows by the ORM, as in its own tutorial.

sqlalchemy_peer.py URL SECONDS CLIENTS; a line `name records seconds` for each measure. Debian's python3-sqlalchemy and
python3-asyncpg; without them one line says so and the exit code is 3. peers_bench runs this on its own server.
"""
import asyncio
import datetime
import sys
import time

try:
    import asyncpg  # noqa: F401
    from sqlalchemy import (BigInteger, Boolean, Column, DateTime, Float, Index, Integer, LargeBinary, SmallInteger,
                            String)
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
    from sqlalchemy.orm import declarative_base, sessionmaker
except ImportError as missing:
    print(f"not here: {missing}; apt-get install python3-sqlalchemy python3-asyncpg", file=sys.stderr)
    sys.exit(3)

Base = declarative_base()
NOW = datetime.datetime(2026, 5, 1, 6, 30, tzinfo=datetime.timezone.utc)


class Yield(Base):
    __tablename__ = "yield_sample"
    id = Column(BigInteger, primary_key=True, autoincrement=True)
    equipment_id = Column(Integer, nullable=False)
    time = Column(DateTime(timezone=True), nullable=False)
    mass_flow_kgps = Column(Float, nullable=False)
    moisture_pct = Column(Float)
    width_m = Column(Float, nullable=False)
    speed_mps = Column(Float, nullable=False)
    latitude_deg = Column(Float)
    longitude_deg = Column(Float)
    crop = Column(String)
    __table_args__ = (Index("yield_equipment_time", "equipment_id", "time"),)


class Message(Base):
    __tablename__ = "can_message"
    id = Column(BigInteger, primary_key=True, autoincrement=True)
    equipment_id = Column(Integer, nullable=False)
    time = Column(DateTime(timezone=True), nullable=False)
    bus = Column(SmallInteger, nullable=False)
    can_id = Column(BigInteger, nullable=False)
    extended = Column(Boolean, nullable=False)
    data = Column(LargeBinary, nullable=False)
    __table_args__ = (Index("message_equipment_time", "equipment_id", "time"),)


class TokenUsage(Base):
    __tablename__ = "token_usage"
    id = Column(BigInteger, primary_key=True, autoincrement=True)
    equipment_id = Column(Integer, nullable=False)
    time = Column(DateTime(timezone=True), nullable=False)
    agent = Column(String, nullable=False)
    model = Column(String, nullable=False)
    prompt_tokens = Column(BigInteger, nullable=False)
    completion_tokens = Column(BigInteger, nullable=False)
    __table_args__ = (Index("token_equipment_time", "equipment_id", "time"),)


def a_yield(number):
    return Yield(equipment_id=1, time=NOW + datetime.timedelta(seconds=number), mass_flow_kgps=7.25, moisture_pct=13.5,
                 width_m=9.1, speed_mps=1.8, latitude_deg=52.1234567, longitude_deg=11.6543217, crop="wheat")


def a_message(number):
    return Message(equipment_id=1, time=NOW + datetime.timedelta(milliseconds=number), bus=0,
                   can_id=0x0CF00400 + number % 31 * 256, extended=True, data=number.to_bytes(8, "little"))


def a_usage(number):
    return TokenUsage(equipment_id=1, time=NOW + datetime.timedelta(seconds=number), agent="scout", model="m-1",
                      prompt_tokens=1200, completion_tokens=88)


async def measure(sessions, name, records, seconds, clients, make):
    """`clients` at once, each with one session after the other: add, commit."""
    begun = time.perf_counter()
    stored = 0

    async def client():
        nonlocal stored
        while time.perf_counter() - begun < seconds:
            async with sessions() as session:
                if records == 1:
                    session.add(make(stored))
                else:
                    session.add_all([make(i) for i in range(records)])
                await session.commit()
            stored += records

    await asyncio.gather(*(client() for _ in range(clients)))
    print(name, stored, time.perf_counter() - begun, flush=True)


async def main(url, seconds, clients):
    engine = create_async_engine(url, pool_size=20, max_overflow=10, pool_timeout=300)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    sessions = sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
    await measure(sessions, "single", 1, seconds, clients, a_yield)
    await measure(sessions, "batch_1000", 1000, seconds, 1, a_yield)
    await measure(sessions, "messages_10000", 10000, seconds, 1, a_message)
    await measure(sessions, "token_usage", 1, seconds, clients, a_usage)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
