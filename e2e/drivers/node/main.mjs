// node main.mjs LIBRARY: a request as JSON on standard input, the answer on standard output (see ../../clients/driver.py).
import { text } from 'node:stream/consumers'

const { operations, refusal } = await import(`./${process.argv[2]}.mjs`)
const asked = JSON.parse(await text(process.stdin))
try {
  console.log(JSON.stringify({ done: (await operations[asked.operation](asked)) ?? {} }))
} catch (error) {
  const refused = refusal(error)
  if (refused === undefined) throw error
  console.log(JSON.stringify({ refused }))
}
