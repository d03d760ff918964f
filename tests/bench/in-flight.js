// What grows old with a Map of what is in flight, and with ours: `node --expose-gc --max-semi-space-size=8
// tests/bench/in-flight.js`. 50 objects of 5 kB at a time, 400,000 in all, as of requests; each is garbage as soon as it
// is taken out. One major collection, such as comes now and then, makes a Map's table old.
import { GCProfiler } from 'node:v8';
import { InFlight } from '../../libs/platform/dist/in-flight.js';

const [AT_ONCE, IN_ALL] = [50, 400_000];

/** The same two methods for both. */
class MapInFlight {
  map = new Map();
  turn = 0;

  add(value) {
    this.map.set(++this.turn, value);
    return this.turn;
  }

  take(ticket) {
    this.map.delete(ticket);
  }
}

for (const [name, inFlight] of Object.entries({ Map: new MapInFlight(), InFlight: new InFlight() })) {
  const profiler = new GCProfiler();
  profiler.start();
  const tickets = [];
  for (let count = 0; count < IN_ALL; count += 1) {
    tickets.push(inFlight.add(new Array(600).fill(count + 0.5)));
    if (count === 1_000) globalThis.gc();
    if (tickets.length > AT_ONCE) inFlight.take(tickets.shift());
  }
  const { statistics } = profiler.stop();
  const [scavenges, others] = [true, false].map((is) =>
    statistics.filter(({ gcType }) => (gcType === 'Scavenge') === is),
  );
  const promoted = scavenges.reduce((sum, { beforeGC, afterGC }) => sum + oldBytes(afterGC) - oldBytes(beforeGC), 0);
  const milliseconds = statistics.reduce((sum, { cost }) => sum + cost / 1_000, 0);
  console.log(
    `${name}: ${(promoted / 1e6).toFixed(1)} MB of ${((IN_ALL * 5) / 1e3).toFixed(0)} grew old; ${others.length} major collections; ${milliseconds.toFixed(0)} ms of collecting`,
  );
}

function oldBytes({ heapSpaceStatistics }) {
  return heapSpaceStatistics.find(({ spaceName }) => spaceName === 'old_space').spaceUsedSize;
}
