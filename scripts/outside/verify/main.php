<?php

require 'block.php';

foreach (file('php://stdin', FILE_IGNORE_NEW_LINES) as $line) {
    [$name, $kind, $now, $given, $keys, $seen, $lines, $body] = explode(' ', $line);
    [$keys, $seen] = [explode(',', base64_decode($keys)), explode(',', base64_decode($seen))];
    $headers = [];
    foreach (array_filter(explode("\n", base64_decode($lines))) as $header) {
        [$header, $value] = explode(': ', $header, 2);
        $headers[$header] = $value;
    }
    $body = base64_decode($body);
    $id = $kind === 'standard' ? verify($keys, $headers, $body, (int) $now) : null;
    foreach ($kind === 'timed' ? $keys : [] as $key) {
        foreach (explode(' ', $headers['signatures']) as $one) {
            $id = verify_timed($key, $headers['timestamp'], $one, $body, (int) $now) ? $given : $id;
        }
    }
    echo $name, ' ', $id === null ? 'refuse' : (in_array($id, $seen, true) ? 'duplicate' : 'accept'), "\n";
}
