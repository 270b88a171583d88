/**
 * The client as a program, for the conformance suite (docs/CONFORMANCE.md): it obeys the JSON
 * objects on standard input line by line and answers each with one on standard output.
 */

import { createInterface } from "node:readline";

import { SessionRefusedError, connect, type MoneyClient, type Subprotocol } from "./node.js";

interface Command {
  readonly do: string;
  readonly player: string;
  readonly amount: number;
  readonly reference: string;
  readonly earned_at_ms: number;
}

function connected(): Promise<MoneyClient> {
  const {
    MONEYBOARD_URL: url = "",
    MONEYBOARD_TOKEN: token = "",
    MONEYBOARD_PRODUCER: producer,
    MONEYBOARD_SUBPROTOCOL: subprotocol,
  } = process.env;
  return connect(url, token, {
    ...(producer === undefined ? {} : { producer }),
    ...(subprotocol === undefined ? {} : { subprotocol: subprotocol as Subprotocol }),
    onTrouble: (error) => console.error("trying again:", error),
  });
}

/** Do what a command says; return the answer to it. */
async function obeyed(command: Command, connecting: Promise<MoneyClient>): Promise<object> {
  try {
    const money = await connecting;
    switch (command.do) {
      case "earn": {
        const { reference, earned_at_ms: earnedAtMs } = command;
        await money.earn(command.player, command.amount, { reference, earnedAtMs });
        break;
      }
      case "flush":
      case "archived":
      case "close":
        await money[command.do]();
        break;
      default:
        return { error: "unknown-command" };
    }
    return { done: command.do };
  } catch (error) {
    console.error(error);
    return { error: error instanceof SessionRefusedError ? error.code : String(error) };
  }
}

const connecting = connected();
let before: Promise<void> = connecting.then(
  () => undefined,
  () => undefined, // each command is told
);
createInterface({ input: process.stdin })
  .on("line", (line) => {
    before = before.then(async () => {
      const command = JSON.parse(line) as Command;
      const answer = await obeyed(command, connecting);
      process.stdout.write(`${JSON.stringify(answer)}\n`);
      if (command.do === "close") process.exit(0);
    });
  })
  .on("close", () => process.exit(0));
