import type { Kafka } from 'kafkajs';

/** What is used of kafkajs's inside: its public admin client cannot make a member leave. */
interface Coordinator {
  describeGroups: (request: {
    groupIds: string[];
  }) => Promise<{ groups: { members: { memberId: string; clientId: string }[] }[] }>;
  leaveGroup: (request: { groupId: string; memberId: string }) => Promise<unknown>;
}
interface Cluster {
  connect: () => Promise<void>;
  disconnect: () => Promise<void>;
  findGroupCoordinator: (request: { groupId: string }) => Promise<Coordinator>;
}
type CreateCluster = (options: object) => Cluster;

/**
 * Removes members that an earlier life of this instance, or of its connection to the broker, left in a group: those with
 * our own, unique, client id. Without it a restart waits until the broker notices the death (the session timeout). Only
 * for who has no live member in the group.
 */
export async function removeDeadPredecessors(kafka: Kafka, clientId: string, groupId: string): Promise<void> {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  if (!symbol) throw new Error('kafkajs has no createCluster any more: see predecessors.ts.');
  const cluster = (kafka as unknown as Record<symbol, CreateCluster>)[symbol]?.({});
  if (!cluster) return;
  await cluster.connect();
  try {
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    const { groups } = await coordinator.describeGroups({ groupIds: [groupId] });
    const dead = groups.flatMap(({ members }) => members.filter((member) => member.clientId === clientId));
    for (const { memberId } of dead) await coordinator.leaveGroup({ groupId, memberId });
  } finally {
    await cluster.disconnect();
  }
}
