from services.compute.conductor.app import main

main()
