/** Intended differences between Ironic's replies and Ingot's to the requests of the walk. */
import type { Excuse } from './excuse.ts';

const fakehw = "Ingot's fake hardware has a boot mode, boot devices, BIOS settings, firmware, media, and other vendor methods";
const earlier = 'what came until 1.78 is taken at every version (src/api/baremetal/readme.md)';
const later = 'a route that comes later is not there';
const vifs = 'a VIF is a network port of this cloud: an unknown one is refused';
const strict = 'what is sent must be of the kind that is asked for';
const typed = 'a value that is none is refused at every list';

export const walkedDifferences: readonly Excuse[] = [
  { name: /./, why: 'Ironic answers a fault of its own', status: [500, undefined] },
  { name: /./, why: 'not there, said with 501 whatever the rest of the request (docs/limits.md)', status: [undefined, 501] },
  { name: /^(GET|PATCH) \/.*nodes/, why: fakehw, at: /\.(boot_mode|secure_boot)$/ },
  {
    name: /^GET \/nodes\/:node\/(states )?/,
    why: fakehw,
    at: /^body\.(boot_mode|secure_boot|boot_device|persistent|bios|firmware|indicators|components)(\.|$)/,
  },
  { name: /vendor_passthru\/methods/, why: fakehw, at: /^body\.\w+/ },
  { name: /^GET \/nodes\/:node\/vmedia (at|plain)/, why: fakehw, status: [400, 200] },
  { name: /indicators/, why: fakehw, status: [400, 404] },
  { name: /indicators \?nonsense/, why: 'unknown parameters are refused everywhere', status: [200, 400] },
  { name: /^GET .* at 1\.[1-7]?\d$/, why: earlier, status: [undefined, 200] },
  {
    name: /portgroups\/detail at 1\.23/,
    why: "Ironic's lists of port groups hide no fields of later versions",
    at: /\.(mode|properties|physical_network|category|dynamic_portgroup)$/,
  },
  { name: /(detail|:driver) \?detail=/, why: 'it asks for what is shown in any case', status: [400, 200] },
  { name: /\?node_uuid=x/, why: 'a node may be named', status: [400, undefined] },
  { name: /\?marker=x/, why: 'what is no UUID is refused by some lists of Ironic, and looked for by others', status: [400, 404] },
  { name: /\?marker=x/, why: 'what is no UUID is refused by some lists of Ironic, and looked for by others', status: [404, 400] },
  { name: /drivers\/:driver\/properties/, why: fakehw, at: /^body\./ },
  { name: /^GET \/allocations \?node=/, why: 'Ironic ignores the filter for administrators', status: [200, 400] },
  { name: /:node\/allocation of/, why: 'what the path names is looked for first', status: [400, 404] },
  { name: /:node\/volume of/, why: 'what the path names is looked for first', status: [200, 404] },
  { name: /conductors\/:name \?fields=/, why: 'what the path names is looked for first', status: [400, 404] },
  {
    name: /^GET \/conductors \?(limit|marker|sort_key)=/,
    why: 'there is one conductor: no pages, and no order',
    status: [undefined, 200],
  },
  { name: /^POST \/(nodes|ports|portgroups) at 1\./, why: earlier, status: [undefined, 201] },
  { name: /states\/(power|boot_mode|secure_boot) at 1\./, why: earlier, status: [undefined, 202] },
  { name: /(traits|connectors|targets).* at 1\.3/, why: earlier, status: [undefined, 204] },
  { name: /portgroup at 1\.22/, why: earlier, status: [404, 400] },
  { name: /(allocation|deploy_templates|runbooks|inspection_rules).* at 1\./, why: later, status: [405, 404] },
  { name: /\/vifs/, why: vifs, status: [undefined, 400] },
  { name: /vendor_passthru of/, why: 'what the path names is looked for first', status: [400, 404] },
  { name: /^POST \/chassis no body/, why: strict, status: [201, 400] },
  { name: /maintenance (an empty list|text)/, why: strict, status: [202, 400] },
  { name: /(persistent|enabled) null/, why: strict, status: [undefined, 400] },
  { name: /traits\/:trait no members/, why: 'one trait is added without a body, as a body replaces all', status: [204, 400] },
  { name: /clean_steps.*nothing/, why: 'steps are looked up before the verb is accepted', status: [202, 400] },
  { name: /inject_nmi/, why: fakehw, status: [undefined, 502] },
  { name: /^PATCH \/portgroups\/:portgroup at 1\.22/, why: earlier, status: [404, 200] },
  { name: /^PATCH \/ports\/:port is_smartnic/, why: 'Smart NICs are not there (docs/limits.md)', status: [200, 400] },
  { name: /^PATCH .* node_uuid removed/, why: 'what is of a node stays so', status: [200, 400] },
  { name: /^PATCH \/(chassis|volume).* at 1\.3/, why: earlier, status: [404, 200] },
  { name: /^PATCH .* uuid the same/, why: 'a UUID cannot be changed, not even to itself', status: [200, 400] },
  { name: /parent_node (the same|null)/, why: 'a node without a parent has none, however that is said', status: [400, 200] },
  { name: /(protected|retired) null/, why: 'null is no Boolean', status: [200, 400] },
  { name: /retired removed/, why: 'null is no Boolean', at: /^body\.retired$/ },
  { name: /^PATCH \/inspection_rules\/:rule (created|updated)_at/, why: 'times are not written by clients', status: [200, 400] },
  { name: /inspection_rules \?phase=/, why: 'Ironic ignores the filter', at: /^body\.inspection_rules\.0$/ },
  { name: /inspection_rules\/:rule phase removed/, why: 'a rule without a phase has the default', at: /^body\.phase$/ },
  { name: /network_data (the same|null)/, why: 'empty data are none', status: [400, 200] },
  { name: /^PATCH \/portgroups\/:portgroup mode null/, why: 'a port group without a mode has the default', at: /^body\.mode$/ },
  { name: /disable_power_off null/, why: 'null is no Boolean', status: [200, 400] },
  { name: /disable_power_off removed/, why: 'null is no Boolean', at: /^body\.disable_power_off$/ },
  { name: /instance_name text/, why: 'kept where Nova puts it', at: /^body\.instance_info\.display_name$/ },
  { name: /^DELETE \/ports\/:port of a word/, why: 'ports have names', status: [400, 404] },
  { name: /\?limit=1$/, why: 'Ingot tells of a next page only where there is one', at: /^body\.next$/ },
  { name: /firmware \?detail=/, why: 'Ironic reads no Boolean from a query here', status: [400, 200] },
  { name: /\?include_children=x/, why: typed, status: [200, 400] },
  { name: /validate/, why: 'inspection by the ramdisk needs nothing that a node could lack', at: /^body\.inspect\./ },
  { name: /shards/, why: 'Ironic names the shard of nodes without one None, as text', at: /^body\.shards\.0\.name$/ },
];
