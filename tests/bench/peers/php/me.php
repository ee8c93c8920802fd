<?php
// GET /me in PHP: PDO with a persistent connection. The statement is emulated (PDO's default) or prepared, as the path
// says. A prepared one does not outlive the request here, so it costs two more round trips each time.

function uuid(string $bytes): string
{
	return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
}

function rfc3339(int $us): string
{
	return gmdate('Y-m-d\TH:i:s', intdiv($us, 1000000)) . sprintf('.%06dZ', $us % 1000000);
}

$at = 'mysql:unix_socket=' . $_SERVER['BENCH_DATABASE'] . ';dbname=marketingcli';
$db = new PDO($at, 'bench', $_SERVER['BENCH_PASSWORD'], [PDO::ATTR_PERSISTENT => true]);
$db->setAttribute(PDO::ATTR_EMULATE_PREPARES, str_ends_with($_SERVER['STATEMENTS'], '/emulated'));
$hash = hash('sha256', substr($_SERVER['HTTP_AUTHORIZATION'] ?? '', strlen('Bearer ')), true);
$statement = $db->prepare($_SERVER['BENCH_STATEMENT']);
$statement->execute([$hash]);
$me = $statement->fetch(PDO::FETCH_ASSOC);
header('Content-Type: application/json');
if ($me === false || $me['revoked_at_us'] !== null || $me['user_state'] !== 'active') {
	http_response_code(401);
	exit('{}');
}
echo json_encode([
	'data' => [
		'id' => uuid($me['id']),
		'email' => $me['email'],
		'name' => $me['name'],
		'created_at' => rfc3339($me['created_at_us']),
		'key' => ['id' => uuid($me['key_id']), 'name' => $me['key_name'], 'prefix' => $me['prefix']],
	],
	'meta' => ['request_id' => $_SERVER['REQUEST_ID']],
], JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
