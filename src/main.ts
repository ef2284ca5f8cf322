/** The command line. The only file that exits the process. */
type Command = { readonly help: string; run(args: string[]): Promise<number> };

/** Loaded on demand: `ingot openrc` need not load what `ingot serve` needs. */
const commandTable: Readonly<Record<string, Command>> = {
  serve: {
    help: 'run the cloud: APIs, engine, boot server',
    run: async (args) => (await import('./commands/serve.ts')).runServeCommand(args),
  },
  db: {
    help: 'db sync: bring the database schema up to date; db prune: remove old records',
    run: async (args) => (await import('./commands/db.ts')).runDbCommand(args),
  },
  openrc: {
    help: 'print credentials for the openstack client: eval "$(ingot openrc)"',
    run: async (args) => (await import('./commands/openrc.ts')).runOpenrcCommand(args),
  },
  console: {
    help: "a machine's serial console in this terminal",
    run: async (args) => (await import('./commands/console.ts')).runConsoleCommand(args),
  },
  lab: {
    help: 'a virtual rack: QEMU machines with real firmware and BMCs',
    run: async (args) => (await import('#lab/command.ts')).runLabCommand(args),
  },
  ramdisk: {
    help: 'ramdisk build: make the deploy kernel and ramdisk',
    run: async (args) => (await import('#build/ramdisk/command.ts')).runRamdiskCommand(args),
  },
  image: {
    help: 'image build: make user images',
    run: async (args) => (await import('#build/image/command.ts')).runImageCommand(args),
  },
  demo: {
    help: 'from nothing to two servers with SSH, in the lab',
    run: async (args) => (await import('#demo/command.ts')).runDemoCommand(args),
  },
  bench: { help: 'measure deploys in the lab', run: async (args) => (await import('#bench/command.ts')).runBenchCommand(args) },
};

const width = Math.max(...Object.keys(commandTable).map((name) => name.length));
const usage = `Usage: ingot COMMAND [OPTIONS]

Commands (each takes --help):
${Object.entries(commandTable)
  .map(([name, { help }]) => `  ${name.padEnd(width)}  ${help}`)
  .join('\n')}
`;

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(usage);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commandTable, name) ? commandTable[name] : undefined;
  if (!command) {
    process.stderr.write(`ingot: there is no command '${name}'\n\n${usage}`);
    return 2;
  }
  return command.run(args);
}

process.exitCode = await main(process.argv.slice(2)).catch(async (error: unknown) => {
  const { errorText } = await import('./commands/error-text.ts');
  process.stderr.write(errorText(error));
  if (process.env['INGOT_LOG_LEVEL'] === 'debug') process.stderr.write(`${(error as Error).stack}\n`);
  return 1;
});
