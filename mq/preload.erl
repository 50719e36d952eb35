%% Evaluated in a running broker: writes a boot file (its form: SASL's script(4)) that loads what this broker has loaded,
%% each module from the directory where it lies. Without it every module is looked for in forty directories.
Target = "/usr/share/quorate/preload.boot",
{ok, Plain} = file:read_file(filename:join([code:root_dir(), "bin", "start_sasl.boot"])),
{script, Name, Steps} = binary_to_term(Plain),
Early = lists:append([Modules || {Kind, Modules} <- Steps, Kind =:= preLoaded orelse Kind =:= primLoad]),
Found = [{filename:dirname(File), Module} || {Module, File} <- code:all_loaded(), is_list(File), filename:extension(File) =:= ".beam"],
Lying = [{Directory, [Module || {Where, Module} <- Found, Where =:= Directory] -- Early} || Directory <- lists:usort([Where || {Where, _} <- Found])],
Loads = lists:append([[{path, [Directory]}, {primLoad, Modules}] || {Directory, Modules} <- Lying, Modules =/= []]),
{Before, After} = lists:splitwith(fun(Step) -> Step =/= {kernel_load_completed} end, Steps),
ok = file:write_file(Target, term_to_binary({script, Name, Before ++ Loads ++ After})),
length(Found).
