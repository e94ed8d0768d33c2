/** Sends a file as it is, and says how far it has come: the one thing that `fetch` cannot do. */

import { API_URL, bearer, Refusal, type Source } from "./api";

/** The source, read. Throws a `Refusal`. `onProgress` is given a share from 0 to 1; at 1 the file is being read. */
export async function upload(sourceId: string, file: File, onProgress: (share: number) => void): Promise<Source> {
  const authorization = await bearer();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `${API_URL}/v1/sources/${sourceId}/file?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Authorization", authorization);
    request.setRequestHeader("Content-Type", mediaType(file));
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.onload = () =>
      request.status === 200 ? resolve(request.response as Source) : reject(new Refusal(request.response));
    request.onerror = () => reject(new Error("The upload broke off. Try it again."));
    request.send(file);
  });
}

function mediaType({ name, type }: File): string {
  if (/\.(md|markdown)$/i.test(name)) return "text/markdown";
  return type || "text/plain";
}
