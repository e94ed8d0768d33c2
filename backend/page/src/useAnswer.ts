/** What the API answers to the newest question. */

import { type DependencyList, useEffect, useState } from "react";

import { complain } from "./notices";

/** Asks again when one of `keys` changes, after `wait` milliseconds without a further change. An older answer stays until
 * the next one comes, and one that comes too late is dropped. The third value says that the newest question failed. */
export function useAnswer<T>(ask: () => Promise<T>, keys: DependencyList, wait = 0) {
  const [answer, setAnswer] = useState<T>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const next = await ask();
        if (!current) return;
        setAnswer(next);
        setFailed(false);
      } catch (error) {
        if (!current) return;
        setFailed(true);
        complain(error);
      }
    }, wait);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, keys);
  return [answer, setAnswer, failed] as const;
}
