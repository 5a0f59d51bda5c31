// iam-simulate, AGPL and therefore in a process of its own: its fastest way, policies loaded once.
// Reads the task as JSON from standard input; writes {"name", "seconds", "verdicts"}, one entry a round.
// The folder that holds node_modules is the one argument.
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const scope = path.resolve(process.argv[2], 'node_modules', '@cloud-copilot')
if (!fs.existsSync(path.join(scope, 'iam-simulate'))) {
  console.error(`no iam-simulate in ${path.basename(process.argv[2])}/node_modules`)
  process.exit(1)
}
const load = (...parts) => import(pathToFileURL(path.join(scope, ...parts)))
const own = (...parts) => load('iam-simulate', 'dist', 'esm', ...parts)
const { authorize } = await own('core_engine', 'CoreSimulatorEngine.js')
const { AwsRequestImpl } = await own('request', 'request.js')
const { RequestContextImpl } = await own('requestContext.js')
const { DiscoveryContextKeyConstraints } = await own('context_keys', 'discoveryContextKeyConstraints.js')
const { loadPolicy } = await load('iam-policy', 'dist', 'esm', 'index.js')

const ACCOUNT = '111122223333'
const VERDICTS = { Allowed: 'allowed', ImplicitlyDenied: 'implicitDeny', ExplicitlyDenied: 'explicitDeny' }
const task = JSON.parse(fs.readFileSync(0, 'utf8'))
const policies = {
  sessionPolicy: undefined,
  identityPolicies: task.identity.map((one, at) => loadPolicy(one, { name: `identity${at}` })),
  serviceControlPolicies: task.scps.map((level, at) => ({
    orgIdentifier: `level${at}`,
    policies: level.map((one) => loadPolicy(one, { name: 'scp' }))
  })),
  resourceControlPolicies: [],
  resourcePolicy: undefined,
  permissionBoundaries: [loadPolicy(task.boundary, { name: 'boundary' })],
  vpcEndpointPolicies: undefined,
  simulationParameters: {
    simulationMode: 'Strict',
    discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([])
  },
  serviceSettings: {}
}

function decide([action, resource, context]) {
  const target = { resource, accountId: ACCOUNT }
  const values = new RequestContextImpl(context)
  const request = new AwsRequestImpl(context['aws:PrincipalArn'], target, action, values)
  return VERDICTS[authorize({ request, ...policies }).result]
}

const seconds = []
const verdicts = []
for (const requests of task.rounds) {
  const start = process.hrtime.bigint()
  const found = requests.map(decide)
  seconds.push(Number(process.hrtime.bigint() - start) / 1e9)
  verdicts.push(found)
}
const { version } = JSON.parse(fs.readFileSync(path.join(scope, 'iam-simulate', 'package.json'), 'utf8'))
process.stdout.write(JSON.stringify({ name: `iam-simulate ${version}`, seconds, verdicts }))
