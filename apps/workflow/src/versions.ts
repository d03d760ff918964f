/**
 * What an UPDATE sets `row_version` to: the version of parameter `$place`, where the row still has the one before it. Else
 * somebody has changed the row since it was read: the function fails with a serialisation failure, and the whole
 * transaction, with what it reads, is tried anew.
 */
export function nextVersion(place: number): string {
  const version = `$${String(place)}::integer`;
  return `CASE row_version WHEN ${version} - 1 THEN ${version} ELSE workflow.changed_since(id) END`;
}
